"""Images as numbers: pixels and places, patches of photographs, folders of pictures."""

from __future__ import annotations

import builtins
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xpnet import data
from xpnet.data import image
from xpnet.errors import DTypeError, LibraryError, OptionError, ShapeError

SHAPES = st.tuples(*[st.integers(1, 6)] * 2, st.integers(1, 4))


# --- pixels and places ----------------------------------------------------------------


@given(SHAPES, st.data())
def test_a_place_in_the_vector_is_one_colour_of_one_pixel(shape, draw):
    x = np.arange(np.prod(shape), dtype=np.float64).reshape(shape)
    index = draw.draw(st.integers(0, x.size - 1))
    pixel = image.pixel_of(index, shape)
    assert image.unroll(x)[index] == x[pixel] == index
    assert image.index_of(*pixel, shape) == index


def test_the_order_is_that_of_the_guide():
    red, green, blue = np.eye(3) * 255
    picture = np.asarray([[red, green], [blue, red]], dtype=np.uint8)
    vector = image.unroll(picture)
    assert vector.dtype == np.float32
    assert vector.tolist() == [1, 0, 0, 0, 1, 0, 0, 0, 1, 1, 0, 0]
    assert image.pixel_of(8, picture.shape) == (1, 0, 2)  # the blue of the third pixel


def test_unrolling_several_and_back():
    x = np.random.default_rng(0).random((4, 3, 5, 3))
    vectors = image.unroll(x)
    assert vectors.shape == (4, 45)
    assert np.array_equal(image.rolled(vectors, (3, 5, 3)), x)
    assert np.array_equal(image.rolled(vectors[2], (3, 5, 3)), x[2])


def test_places_that_are_none():
    with pytest.raises(OptionError, match="row 2, column 0, channel 0 is no place"):
        image.index_of(2, 0, 0, (2, 2, 3))
    for index in (-1, 12):
        with pytest.raises(OptionError, match="a vector of 12 numbers"):
            image.pixel_of(index, (2, 2, 3))
    with pytest.raises(ShapeError, match=r"\(height, width, channels\); this is"):
        image.pixel_of(0, (2, 2))
    with pytest.raises(ShapeError, match=r"this is \(2, 2\)"):
        image.unroll(np.zeros((2, 2)))
    with pytest.raises(ShapeError, match="a vector of 12 numbers; these"):
        image.rolled(np.zeros(11), (2, 2, 3))
    with pytest.raises(DTypeError, match="the pixels are int64"):
        image.unroll(np.zeros((2, 2, 3), dtype=np.int64))


# --- patches --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def photographs():
    pytest.importorskip("PIL")
    datasets = pytest.importorskip("sklearn.datasets")
    return datasets.load_sample_images().images


def places(photograph, patches, size, stride):
    """Return where in the photograph each patch is from, as sets of pixels."""
    seen = {}
    for row in range(0, photograph.shape[0] - size + 1, stride):
        for column in range(0, photograph.shape[1] - size + 1, stride):
            cut = photograph[row : row + size, column : column + size]
            seen.setdefault(cut.tobytes(), []).append((row, column))
    return [seen[patch.tobytes()] for patch in patches]


@pytest.mark.parametrize(("size", "stride"), [(16, 16), (32, 16)])
def test_no_pixel_is_in_both_sets(photographs, size, stride):
    sets = data.photo_patches(size, stride=stride, rng=5)
    covered = []
    for part in sets:
        pixels = np.zeros((2, 427, 640), dtype=bool)
        patches = np.rint(image.rolled(part.features, (size, size, 3)) * 255)
        patches = patches.astype(np.uint8)
        for label, photograph in enumerate(photographs):
            mine = patches[part.labels == label]
            for found in places(photograph, mine, size, stride):
                row, column = found[0]
                assert len(found) == 1
                pixels[label, row : row + size, column : column + size] = True
        covered.append(pixels)
    assert not (covered[0] & covered[1]).any()
    both = covered[0] | covered[1]
    height, width = (n // size * size for n in (427, 640))
    assert both[:, :height, :width].all()


def test_a_shorter_stride_gives_more_patches():
    def count(stride):
        return sum(map(len, data.photo_patches(32, stride=stride)))

    assert count(32) == 2 * 13 * 20
    assert count(16) == 2 * (7 + 7 + 7 + 1) * (5 * 7)  # along the sides of the regions


def test_both_photographs_are_equally_many(photographs):
    for part in data.photo_patches(16):
        assert part.classes == ("china", "flower")
        assert part.labels.dtype == np.int64
        assert part.labels.mean() == 0.5
        assert part.features.dtype == np.float32
        assert 0.0 <= part.features.min() <= part.features.max() <= 1.0
        assert part.labels[:20].std() > 0  # in random order


def test_the_seed_decides(photographs):
    one, same, other = (data.photo_patches(32, rng=seed) for seed in (1, 1, 2))
    assert np.array_equal(one[0].features, same[0].features)
    assert np.array_equal(one[1].features, same[1].features)
    assert not np.array_equal(one[1].features, other[1].features)


def test_images_for_convolutions_hold_the_same(photographs):
    flat, _ = data.photo_patches(32)
    images, _ = data.photo_patches(32, flatten=False)
    assert images.feature_shape == (3, 32, 32)
    as_vectors = image.unroll(np.moveaxis(images.features, 1, -1))
    assert np.array_equal(flat.features, as_vectors)


@pytest.mark.parametrize("fraction", [0.01, 0.5, 0.99])
def test_each_set_has_a_region(photographs, fraction):
    train, test = data.photo_patches(128, test_fraction=fraction)
    assert len(train)
    assert len(test)


def test_options_out_of_range():
    for options in ({"size": 0}, {"size": 129}, {"stride": 0}, {"size": 8.0}):
        with pytest.raises(OptionError, match="must be an integer from 1 to 128"):
            data.photo_patches(**options)
    with pytest.raises(OptionError, match=r"test_fraction is 1\.0; it must be in"):
        data.photo_patches(test_fraction=1.0)


# --- folders --------------------------------------------------------------------------


@pytest.fixture
def pets(tmp_path):
    """A folder with three pictures of cats, red, and two of dogs, blue."""
    pillow = pytest.importorskip("PIL.Image")
    for name, size, colour in [
        ("cat/b.png", (8, 8), (255, 0, 0)),
        ("cat/a.JPG", (20, 10), (200, 0, 0)),
        ("cat/more/c.bmp", (5, 9), (100, 0, 0)),
        ("dog/z.gif", (7, 7), (0, 0, 255)),
        ("dog/y.webp", (6, 6), (0, 0, 128)),
    ]:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pillow.new("RGB", size, colour).save(path)
    (tmp_path / ".cache").mkdir()
    (tmp_path / "notes.txt").write_text("no class")
    (tmp_path / "cat" / "Thumbs.db").write_bytes(b"no picture")
    (tmp_path / "cat" / ".hidden.png").write_bytes(b"no picture")
    return tmp_path


def test_a_folder_of_pictures(pets):
    found = data.image_folder(pets, size=4)
    assert found.classes == ("cat", "dog")
    assert found.labels.tolist() == [0, 0, 0, 1, 1]
    assert found.features.shape == (5, 48)
    assert found.features.dtype == np.float32
    first = image.rolled(found.features, (4, 4, 3))[:, 0, 0]
    # a.JPG, b.png, more/c.bmp; y.webp, z.gif: in the order of their names
    expected = [[200, 0, 0], [255, 0, 0], [100, 0, 0], [0, 0, 128], [0, 0, 255]]
    assert np.abs(first * 255 - expected).max() <= 3  # JPEG and WebP round
    assert data.image_folder(str(pets), 4, flatten=False).feature_shape == (3, 4, 4)
    train, test = found.split(0.4, rng=0)
    assert (len(train), len(test)) == (3, 2)


def test_a_picture_keeps_its_middle_and_its_proportions(tmp_path):
    pillow = pytest.importorskip("PIL.Image")
    picture = np.zeros((4, 12, 3), dtype=np.uint8)
    picture[:, 4:8] = 255  # white in the middle
    pillow.fromarray(picture).save(tmp_path / "x.png")
    assert np.array_equal(image.read(tmp_path / "x.png"), picture)
    assert (image.read(tmp_path / "x.png", 4) == 255).all()


def test_cameras_and_glass(tmp_path):
    pillow = pytest.importorskip("PIL.Image")
    picture = np.zeros((2, 3, 3), dtype=np.uint8)
    picture[0, 0] = 255
    exif = pillow.Exif()
    exif[0x0112] = 6  # the camera was turned by a quarter
    pillow.fromarray(picture).save(tmp_path / "turned.png", exif=exif)
    turned = image.read(tmp_path / "turned.png")
    assert turned.shape == (3, 2, 3)
    assert turned[0, 1].tolist() == [255, 255, 255]
    pillow.new("RGBA", (2, 2), (0, 0, 0, 0)).save(tmp_path / "glass.png")
    assert (image.read(tmp_path / "glass.png") == 255).all()
    pillow.new("L", (2, 2), 7).save(tmp_path / "grey.png")
    assert (image.read(tmp_path / "grey.png") == 7).all()


@pytest.mark.parametrize("ending", ["png", "tiff"])
def test_sixteen_bits_per_pixel_become_eight(tmp_path, ending):
    pillow = pytest.importorskip("PIL.Image")

    grey = np.linspace(0, 65535, 12).reshape(3, 4).astype(np.uint16)
    file = tmp_path / f"grey.{ending}"
    pillow.fromarray(grey).save(file)
    assert np.array_equal(image.read(file)[:, :, 1], grey >> 8)


@pytest.mark.parametrize("kind", [np.float32, np.int32])
def test_numbers_of_an_unknown_range_are_refused(tmp_path, kind):
    pillow = pytest.importorskip("PIL.Image")

    file = tmp_path / "numbers.tiff"
    pillow.fromarray(np.ones((2, 2), dtype=kind)).save(file)
    with pytest.raises(OptionError, match="their range is unknown"):
        image.read(file)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "CMYK", "YCbCr"])
def test_every_way_to_write_a_colour(tmp_path, mode):
    pillow = pytest.importorskip("PIL.Image")

    file = tmp_path / ("white.jpg" if mode in ("CMYK", "YCbCr") else "white.png")
    pillow.new("RGB", (5, 4), "white").convert(mode).save(file)
    assert image.read(file).shape == (4, 5, 3)
    assert image.read(file).min() >= 254


def test_a_folder_is_named_by_its_own_name(pets, monkeypatch):
    monkeypatch.chdir(pets)
    assert data.image_folder(".", 4).name == pets.name


def test_classes_come_in_the_order_of_their_letters(pets):
    (pets / "Zebra").mkdir()
    picture = (pets / "cat" / "b.png").read_bytes()
    (pets / "Zebra" / "b.png").write_bytes(picture)
    assert data.image_folder(pets, 4).classes[0] == "Zebra"  # capitals first


def test_folders_that_are_no_data_set(pets, tmp_path):
    with pytest.raises(OptionError, match="there is no folder"):
        data.image_folder(pets / "none")
    with pytest.raises(OptionError, match="has one class only, more; put the pictures"):
        data.image_folder(pets / "cat")
    with pytest.raises(OptionError, match="has no folders in it; put the pictures"):
        data.image_folder(pets / "dog")
    (pets / "bird").mkdir()
    with pytest.raises(OptionError, match=r"there are no pictures in .*bird; their"):
        data.image_folder(pets)
    with pytest.raises(OptionError, match="size is 0; it must be an integer from 1"):
        data.image_folder(pets, 0)


def test_files_that_are_no_pictures(pets, monkeypatch):
    whole = (pets / "cat" / "b.png").read_bytes()
    for broken in (b"", b"no picture", whole[: len(whole) // 2]):
        (pets / "cat" / "b.png").write_bytes(broken)
        with pytest.raises(OptionError, match=r"b\.png cannot be read as a picture"):
            data.image_folder(pets)
    with pytest.raises(OptionError, match="there is no file"):
        image.read(pets / "none.png")
    pillow = pytest.importorskip("PIL.Image")
    (pets / "cat" / "b.png").write_bytes(whole)
    for limit in (10, 40):  # too many pixels, and suspiciously many
        monkeypatch.setattr(pillow, "MAX_IMAGE_PIXELS", limit)
        with pytest.raises(OptionError, match=r"b\.png cannot be .*bomb"):
            image.read(pets / "cat" / "b.png")


def test_without_pillow(pets, monkeypatch):
    real = builtins.__import__

    def refuse(name, *rest):
        if name.partition(".")[0] == "PIL":
            raise ImportError(name)
        return real(name, *rest)

    for name in [name for name in sys.modules if name.partition(".")[0] == "PIL"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(LibraryError, match=r"pip install 'xpnet\[data\]'"):
        image.read(pets / "cat" / "b.png")
    with pytest.raises(LibraryError, match="pillow, which reads pictures, is not"):
        data.image_folder(pets)
    pytest.importorskip("sklearn")
    with pytest.raises(LibraryError, match="photo_patches: pillow"):
        data.photo_patches()
