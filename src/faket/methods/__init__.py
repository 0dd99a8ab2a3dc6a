"""The methods: what makes noise-free tilts look like a reference."""
