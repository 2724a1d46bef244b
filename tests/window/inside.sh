#!/usr/bin/env bash
# Runs in the folder that holds Blender's own Debian, see run.py: installs the zip and plays the script in a window.
# usage: inside.sh SIZE TIMEOUT_S SCRIPT; everything it needs and leaves lies in /tmp/run.
set -euo pipefail
cd /tmp/run
export HOME=/tmp/home XDG_RUNTIME_DIR=/tmp/xdg LANG=C.UTF-8 PATH=/usr/local/bin:/usr/bin:/bin PYTHONDONTWRITEBYTECODE=1
export LIBGL_ALWAYS_SOFTWARE=1 MESA_SHADER_CACHE_DIR=/tmp/shaders BLENDER_USER_RESOURCES=/tmp/profile
unset WAYLAND_DISPLAY
mkdir -m 700 "$HOME" "$XDG_RUNTIME_DIR" "$BLENDER_USER_RESOURCES"
cp photo.jpg "$HOME"

# It exits with 0 when it refuses a zip: read what it says.
blender --command extension install-file -r user_default -e addon.zip | tee install.log
grep -qE '^STATUS (Installed|Reinstalled)' install.log

Xvfb :7 -screen 0 "${1}x24" -nolisten tcp -dpi 96 >xvfb.log 2>&1 &
for _ in $(seq 200); do [ -e /tmp/.X11-unix/X7 ] && break; sleep 0.05; done
export DISPLAY=:7

# Without a window manager a second window would get no keys: file browsers open inside the one window.
timeout -k 5 "$2" blender --gpu-backend opengl --window-geometry 0 0 "${1%x*}" "${1#*x}" --python-expr \
  'import sys, bpy; sys.path.insert(0, "/tmp/run"); v = bpy.context.preferences.view; v.show_splash = v.show_playback_fps = False; v.filebrowser_display_type = v.render_display_type = "SCREEN"' \
  --python "$3" >blender.log 2>&1 || { code=$?; cat /tmp/blender.crash.txt >>blender.log; exit $code; }
