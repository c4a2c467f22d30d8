"""The shell: HTTP, clock, disk, network and configuration around the pure layers."""
