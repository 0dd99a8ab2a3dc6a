"""Whatever a lab holds becomes a reference: files found, joined, aligned, looked at."""
