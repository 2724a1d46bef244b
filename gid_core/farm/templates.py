"""What farms read of a job: an Open Job Description template, a bundle of it for AWS Deadline Cloud, a Flamenco script.

Values reach a program as arguments, never through a shell. The one script, for frames drawn by plain Blender, gets a
range from the farm and quotes it.
"""

import json
from pathlib import Path

from ..errors import SettingsError
from .job import Job

__all__ = ["FARMS", "write"]

_SPECIFICATION = "jobtemplate-2023-09"
_LIMIT_S = 24 * 3600
_PLAIN_BLENDER = """#!/bin/sh
set -eu
range='{{Task.Param.Frame}}'
exec '{{Param.Blender}}' --background '{{Param.OutputDir}}/.work/{{Task.Param.Photo}}/scene.blend' --offline-mode \\
  --render-output '{{Param.OutputDir}}/.work/{{Task.Param.Photo}}/frames/####' \\
  --frame-start "${range%%-*}" --frame-end "${range##*-}" --render-anim
"""


def write(job: Job, farm: str, door: str, chunk: int) -> list[Path]:
    """Write what a farm reads into the job's folder. Returns the files, the one to submit first.

    Args:
        farm: of `FARMS`. door: "python" for machines with this checkout, "blender" for those with the add-on.
        chunk: frames a task.
    Raises:
        SettingsError: frames by Blender need its door.
    """
    engine = job.asked.get("render", "core")
    if engine == "none" or job.asked.get("no_render"):
        raise SettingsError("a job renders frames: leave out --no-render")
    if engine in ("cycles", "eevee") and (door != "blender" or job.asked.get("stmap") or job.asked.get("vectors")):
        raise SettingsError(f"--render {engine} on a farm needs --with blender, and makes no passes: choose core")
    if chunk < 1:
        raise SettingsError(f"--chunk {chunk}: give 1 frame or more a task")
    return FARMS[farm](job, door, chunk)


def _template(job, door, chunk):
    """The job template as JSON-ready values; openjd-specifications, 2023-09."""
    options, last = job.options(0), len(job.photos) - 1
    first = options.start - options.handles
    frames = f"{first}-{first + job.n_frames + 2 * options.handles - 1}"
    photo = {"name": "Photo", "type": "INT", "range": "{{Param.Photos}}"}
    frame = {
        "name": "Frame",
        "type": "CHUNK[INT]",
        "range": "{{Param.Frames}}",
        "chunks": {"defaultTaskCount": "{{Param.ChunkSize}}", "rangeConstraint": "CONTIGUOUS"},
    }
    by_blender = options.render in ("cycles", "eevee")
    render = (
        {
            "embeddedFiles": [{"name": "Run", "type": "TEXT", "runnable": True, "data": _PLAIN_BLENDER}],
            "actions": {"onRun": {"command": "{{Task.File.Run}}", "timeout": _LIMIT_S}},
        }
        if by_blender
        else _script(door, "render", "--photo", "{{Task.Param.Photo}}", "--frames", "{{Task.Param.Frame}}")
    )
    by_photo = {"taskParameterDefinitions": [photo]}
    return {
        "specificationVersion": _SPECIFICATION,
        "extensions": ["TASK_CHUNKING"],
        "name": "{{Param.JobName}}",
        "parameterDefinitions": [
            {"name": "JobName", "type": "STRING", "default": f"Loops of {job.folder.resolve().name}"[:128]},
            {"name": "JobDir", "type": "PATH", "objectType": "DIRECTORY", "dataFlow": "IN", "default": "."},
            {"name": "OutputDir", "type": "PATH", "objectType": "DIRECTORY", "dataFlow": "OUT", "default": "output"},
            {"name": "Photos", "type": "STRING", "default": f"0-{last}"},
            {"name": "Frames", "type": "STRING", "default": frames},
            {"name": "ChunkSize", "type": "INT", "default": chunk, "minValue": 1},
            *_programs(door),
        ],
        "steps": [
            _step("Preflight", _script(door, "preflight")),
            _step("Predict", _script(door, "predict", "--photo", "{{Task.Param.Photo}}"), "Preflight", by_photo),
            _step("Render", render, "Predict", {"taskParameterDefinitions": [photo, frame]}),
            _step("Encode", _script(door, "encode", "--photo", "{{Task.Param.Photo}}"), "Render", by_photo),
            _step("Page", _script(door, "page"), "Encode"),
        ],
    }


def _programs(door):
    if door == "blender":
        return [{"name": "Blender", "type": "STRING", "default": "blender"}]
    return [
        {"name": "Python", "type": "STRING", "default": "python3"},
        {"name": "Build", "type": "STRING", "default": "build.py", "description": "build.py of a checkout, whole path"},
    ]


def _task(door, kind, *more):
    """(program, arguments) of one of our tasks."""
    asked = ["task", kind, "{{Param.JobDir}}", "--out", "{{Param.OutputDir}}", *more, "--openjd"]
    if door == "blender":
        return "{{Param.Blender}}", ["--background", "--offline-mode", "--command", "gid", *asked]
    return "{{Param.Python}}", ["{{Param.Build}}", *asked]


def _script(door, kind, *more):
    command, arguments = _task(door, kind, *more)
    return {"actions": {"onRun": {"command": command, "args": arguments, "timeout": _LIMIT_S}}}


def _step(name, script, after=None, space=None):
    step = {"name": name}
    if after is not None:
        step["dependencies"] = [{"dependsOn": after}]
    if space is not None:
        step["parameterSpace"] = space
    return {**step, "script": script}


def _openjd(job, door, chunk):
    return [_written(job.folder / "template.json", _template(job, door, chunk))]


def _deadline(job, door, chunk):
    """A job bundle: the template, its values, and what has to travel; AWS Deadline Cloud, "Job bundles"."""
    files = [*sorted({f"photos/{file}" for item in job.photos for file in item.sha256}), "job.json"]
    assets = {
        "assetReferences": {"inputs": {"filenames": files, "directories": []}, "outputs": {"directories": ["output"]}}
    }
    return [
        *_openjd(job, door, chunk),
        _written(job.folder / "parameter_values.json", {"parameterValues": []}),
        _written(job.folder / "asset_references.json", assets),
    ]


def _flamenco(job, door, chunk):
    """A job type for Flamenco's Manager (its scripts are JavaScript): copy it into the Manager's scripts folder."""
    template = _template(job, door, chunk)
    steps = [
        {
            "name": step["name"],
            "photos": "parameterSpace" in step,
            "frames": step["name"] == "Render",
            "command": step["script"]["actions"]["onRun"]["command"],
            "args": step["script"]["actions"]["onRun"].get("args", []),
        }
        for step in template["steps"]
    ]
    if steps[2]["command"].startswith("{{Task.File"):
        steps[2]["command"] = "{{Param.Blender}}"
        place = "{{Param.OutputDir}}/.work/{{Task.Param.Photo}}"
        steps[2]["args"] = ["--background", place + "/scene.blend", "--offline-mode", "--render-output",
                            place + "/frames/####", "--frame-start", "{{First}}", "--frame-end", "{{Last}}",
                            "--render-anim"]  # fmt: skip
    defaults = {one["name"]: one["default"] for one in template["parameterDefinitions"]}
    defaults["JobDir"] = str(job.folder.resolve())
    defaults["OutputDir"] = str((job.folder / "output").resolve())
    path = job.folder / "image_dynamics.js"
    values = {"steps": steps, "defaults": defaults, "photos": len(job.photos)}
    path.write_text(_FLAMENCO.replace("VALUES", json.dumps(values, indent=2)), encoding="utf-8")
    return [path]


_FLAMENCO = """// Written by Image Dynamics. Flamenco 3: put this file into the Manager's `scripts` folder.
const GID = VALUES;

const JOB_TYPE = {
  label: "Image Dynamics",
  settings: Object.keys(GID.defaults).map((key) => ({
    key: key.toLowerCase(),
    type: "string",
    required: true,
    default: String(GID.defaults[key]),
  })),
};

function filled(text, settings, values) {
  return text.replace(/{{(?:Param|Task\\.Param)\\.(\\w+)}}|{{(First|Last)}}/g, (_, name, end) => {
    const key = name || end;
    return String(key in values ? values[key] : settings[key.toLowerCase()]);
  });
}

function compileJob(job) {
  const settings = job.settings;
  const [first, last] = settings.frames.split(/(?<=\\d)-/).map(Number);
  const size = Math.max(1, Number(settings.chunksize));
  const photos = Array.from({ length: GID.photos }, (_, index) => index);
  const chunks = [];
  for (let start = first; start <= last; start += size) {
    chunks.push([start, Math.min(last, start + size - 1)]);
  }
  let before = [];
  for (const step of GID.steps) {
    const made = [];
    for (const photo of step.photos ? photos : [0]) {
      for (const [start, end] of step.frames ? chunks : [[first, last]]) {
        const values = { Photo: photo, Frame: `${start}-${end}`, First: start, Last: end };
        const title = step.photos ? `${step.name} ${photo}${step.frames ? ` ${start}-${end}` : ""}` : step.name;
        const task = author.Task(title, "misc");
        task.addCommand(
          author.Command("exec", {
            exe: filled(step.command, settings, values),
            args: step.args.map((one) => filled(one, settings, values)),
          }),
        );
        before.forEach((other) => task.addDependency(other));
        job.addTask(task);
        made.push(task);
      }
    }
    before = made;
  }
}
"""


def _written(path, values):
    text = json.dumps(values, indent=2, ensure_ascii=False) + "\n"
    path.write_bytes(text.encode("utf-8", "backslashreplace"))
    return path


FARMS = {"openjd": _openjd, "deadline": _deadline, "flamenco": _flamenco}
