"""Insulin: titration rules, checks, and the limits that bind every dose."""
