"""The maths of Image Dynamics: one still photo, its spectral volume, and the frames of a loop.

numpy alone; Pillow in `image_io`, onnxruntime in `runtime`. Never bpy, never torch.
Import the module you need (`from gid_core import volume`): nothing is re-exported here.
"""
