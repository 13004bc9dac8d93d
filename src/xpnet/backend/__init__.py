"""Devices, array libraries and counter-based random numbers: the only layer that names one."""
