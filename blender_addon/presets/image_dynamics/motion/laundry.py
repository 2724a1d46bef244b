import bpy

edits = bpy.context.scene.gid.in_sight.gid.edits

edits.amplitude = 1.6
edits.rate = 1.0
edits.low = 1.2
edits.mid = 1.6
edits.high = 0.7
edits.border = 0.0
edits.damping = 0.6
