import bpy

edits = bpy.context.scene.gid.in_sight.gid.edits

edits.amplitude = 0.8
edits.rate = 1.4
edits.low = 0.2
edits.mid = 0.8
edits.high = 2.0
edits.border = 0.1
edits.damping = 1.0
