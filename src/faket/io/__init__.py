"""Files in and out: every format has its own conversion, and a round trip that is tested."""
