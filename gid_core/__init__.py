"""The maths of Image Dynamics: one still photo, its spectral volume, and the frames of a loop.

numpy; Pillow in files/, onnxruntime in model/session.py. Never bpy, never torch.
Import the module you need (`from gid_core.motion import volume`): nothing is re-exported here.
"""
