import bpy

edits = bpy.context.scene.gid.in_sight.gid.edits

edits.amplitude = 1.0
edits.rate = 1.0
edits.low = 1.0
edits.mid = 1.0
edits.high = 1.0
edits.border = 0.0
edits.damping = 1.0
