import bpy

edits = bpy.context.scene.gid.in_sight.gid.edits

edits.amplitude = 1.8
edits.rate = 1.3
edits.low = 1.3
edits.mid = 1.4
edits.high = 1.5
edits.border = 0.05
edits.damping = 1.5
