"""Measurements that decide how the project is built; each is a command."""
