import bpy

edits = bpy.context.scene.gid.in_sight.gid.edits

edits.amplitude = 0.7
edits.rate = 0.8
edits.low = 1.0
edits.mid = 0.8
edits.high = 0.6
edits.border = 0.0
edits.damping = 1.0
