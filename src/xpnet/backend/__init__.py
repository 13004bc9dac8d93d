"""Devices, array libraries, random numbers: the only layer that names a library."""
