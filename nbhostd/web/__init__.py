"""Speak HTTP and decide nothing."""
