"""Exchange with other programs: one module per format, the only door to its package.

`safetensors` saves and loads weights. Nothing here is imported by ``import xpnet``.
"""
