"""HTTP addresses, one file a subject; each reads a request, calls inward, and renders."""
