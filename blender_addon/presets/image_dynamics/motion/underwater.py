import bpy

edits = bpy.context.scene.gid.in_sight.gid.edits

edits.amplitude = 1.6
edits.rate = 0.5
edits.low = 1.6
edits.mid = 0.5
edits.high = 0.1
edits.border = 0.0
edits.damping = 2.0
