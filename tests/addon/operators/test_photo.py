"""Ways in: several photos at once, what is dropped, the picture of an object."""

import bpy
import numpy as np
import pytest
from gid_dev.blender_addon import jobs
from gid_dev.blender_addon.loop import images
from gid_dev.blender_addon.operators import photo as photo_operators
from gid_dev.blender_addon.operators import predict
from gid_dev.blender_addon.panels import menus
from gid_dev.gid_core.errors import SettingsError
from gid_dev.gid_core.files import image_io


@pytest.fixture
def quick():
    settings = bpy.context.scene.gid
    settings.length_unit, settings.n_frames, settings.use_model = "FRAMES", 12, False
    return settings


def loops():
    return [obj for obj in bpy.data.objects if obj.gid.scene is not None]


def test_several_photos_become_a_loop_each_and_a_broken_one_stops_no_other(photo, quick, picture):
    image_io.save_png(photo.parent / "second.png", picture(40, 48, seed=2))
    (photo.parent / "broken.png").write_text("not a picture")
    files = [{"name": name} for name in ("photo.png", "broken.png", "second.png")]
    assert bpy.ops.gid.add_photo(directory=str(photo.parent), files=files) == {"FINISHED"}
    assert [plane.gid.source.name for plane in loops()] == ["photo.png", "second.png"]
    for plane in loops():
        assert plane.gid.scene.gid.still == plane.gid.source
        assert plane.gid.takes[0].source == plane.gid.source


def test_each_loop_is_built_by_itself_and_one_that_cannot_be_stops_no_other(photo, quick, picture, monkeypatch):
    paths = [str(photo)]
    for seed in (2, 3):
        paths.append(str(photo.parent / f"{seed}.png"))
        image_io.save_png(paths[-1], picture(40, 48, seed=seed))
    several = photo_operators._Several(bpy.context, paths)
    built = []
    fulfil = predict.Order.fulfil

    def counted(order, motion, **options):
        built.append(order.name)
        if order.name == "2":
            raise SettingsError("it does not fit")
        fulfil(order, motion, **options)

    monkeypatch.setattr(predict.Order, "fulfil", counted)
    job = jobs.start(jobs.key_of(bpy.context.scene), several.begin, several.finish, "Animated Photo")
    steps = []
    while not jobs.step():
        steps.append(len(built))
    assert jobs.current(job.key) is None
    assert built == ["photo", "2", "3"]
    assert np.diff([0, *steps, len(built)]).max() == 1
    assert sorted(plane.gid.source.name for plane in loops()) == ["3.png", "photo.png"]
    assert jobs.notice(job.key).text == "2 loops made; it does not fit"


def test_another_photo_that_is_added_leaves_the_loop_that_is_there(photo, quick, picture):
    image_io.save_png(photo.parent / "second.png", picture(40, 48, seed=2))
    bpy.ops.gid.add_photo(filepath=str(photo))
    bpy.ops.gid.add_photo(filepath=str(photo.parent / "second.png"))
    assert [plane.gid.source.name for plane in loops()] == ["photo.png", "second.png"]


def image_plane(image):
    mesh = bpy.data.meshes.new("Plane")
    material = bpy.data.materials.new("Photo")
    if bpy.app.version < (5, 0):
        material.use_nodes = True
    material.node_tree.nodes.new("ShaderNodeTexImage").image = image
    mesh.materials.append(material)
    return bpy.data.objects.new("Plane", mesh)


def reference(image):
    obj = bpy.data.objects.new("Reference", None)
    obj.empty_display_type, obj.data = "IMAGE", image
    return obj


@pytest.mark.parametrize("make", [image_plane, reference])
def test_the_photo_of_an_image_plane_or_a_reference_is_animated(photo, quick, make):
    image = images.open_photo(photo)
    obj = make(image)
    bpy.context.scene.collection.objects.link(obj)
    assert not bpy.ops.gid.animate_object.poll()
    bpy.context.view_layer.objects.active = obj
    assert bpy.ops.gid.animate_object() == {"FINISHED"}
    assert loops()[0].gid.source == image


@pytest.mark.parametrize(
    ("space", "tree", "takes"),
    [("VIEW_3D", None, True), ("IMAGE_EDITOR", None, True), ("NODE_EDITOR", "CompositorNodeTree", True),
     ("NODE_EDITOR", "ShaderNodeTree", False), ("SEQUENCE_EDITOR", None, False)],
)  # fmt: skip
def test_photos_are_taken_where_they_may_be_dropped(space, tree, takes):
    area = bpy.context.window.screen.areas[0]
    area.type = space
    if tree is not None:
        area.ui_type = tree
    with bpy.context.temp_override(area=area, space_data=area.spaces.active):
        assert menus.GID_FH_photo.poll_drop(bpy.context) == takes
