"""The shipped model gives the same volume, bit for bit, by any number of threads, and again."""

import numpy as np

from gid_core.files import image_io
from gid_core.model import session
from gid_core.prediction import predict

ROOT_PHOTO = "docs/example.jpg"


def test_a_volume_is_the_same_by_one_two_and_four_threads_and_again(monkeypatch, request):
    photo = request.config.rootpath / ROOT_PHOTO
    still = image_io.fit(image_io.load_photo(photo).pixels, 96)
    volumes = []
    for threads in (1, 2, 4, 4):
        monkeypatch.setattr(session, "_usable_cores", lambda threads=threads: threads)
        session._graphs.clear()  # an open graph keeps the threads that it was opened with
        volumes.append(predict.predict(still, predict.Request(seed=3)).volume().amplitudes)
    session._graphs.clear()
    assert np.abs(volumes[0]).max() > 0
    for other in volumes[1:]:
        assert other.tobytes() == volumes[0].tobytes()
