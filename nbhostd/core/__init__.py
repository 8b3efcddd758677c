"""Decides everything and touches nothing: no loop, no system, no clock, no log."""
