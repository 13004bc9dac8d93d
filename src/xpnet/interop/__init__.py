"""Exchange with other programs: one module per format, the only door to its package.

`safetensors` saves and loads weights, `torch` loads those of PyTorch's own files.
Nothing here is imported by ``import xpnet``.
"""
