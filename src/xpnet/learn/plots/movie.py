"""A picture that moves: GIF, a page of HTML that needs nothing else, or MP4."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

import numpy as np

from ...errors import LibraryError, OptionError
from .style import Theme, drawing, matplotlib, theme_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Movie", "in_few_colours"]

_COLOURS = 120  # of a frame, beside those of the theme
_NEAR = 8  # levels of 256: Pillow looks colours up no finer
_LAST = 12  # frames for which the last picture of a GIF stays


@final
class Movie:
    """A figure, and how to draw each of its frames.

    Attributes
    ----------
    figure : Figure
        It shows the frame that was drawn last.
    frames : int
        How many there are.
    fps : int
        Frames a second.
    """

    def __init__(
        self, figure: Figure, frames: int, draw: Callable[[int], None], fps: int
    ) -> None:
        self.figure, self.frames, self.fps = figure, frames, fps
        self._draw = draw
        self._theme = theme_of(None, figure)

    def still(self, frame: int) -> Figure:
        """Draw one frame, counted from 0 (or from the last: −1); return the figure."""
        if not -self.frames <= frame < self.frames:
            raise OptionError(f"there is no frame {frame}: there are {self.frames}.")
        self._draw(frame % self.frames)
        return self.figure

    def save(self, path: Any, *, dpi: float = 100.0) -> None:
        """Write it to a file: ``.gif``, ``.html`` or ``.mp4``.

        Parameters
        ----------
        path : str or Path
            Its ending says the format. An MP4 needs the program ffmpeg.
        dpi : float
            Pixels for each inch of the figure.

        Raises
        ------
        OptionError
            If the ending is another.
        LibraryError
            If ffmpeg is needed and not there.
        """
        path = Path(path)
        writers = {".gif": self._gif, ".html": self._html, ".mp4": self._mp4}
        if path.suffix not in writers:
            raise OptionError(
                f"a movie is written as {', '.join(writers)}, not as {path.suffix!r}."
            )
        writers[path.suffix](path, dpi)

    def to_html(self, *, dpi: float = 100.0) -> str:
        """Return a page with all frames in it, buttons and a slider."""
        pictures = [f'"{_in_text(image)}"' for image in self._images(dpi)]
        parts = {
            "PICTURES": ",".join(pictures),
            "FIRST": pictures[0],
            "LAST": str(self.frames - 1),
            "WAIT": str(round(1000 / self.fps)),
            "SCHEME": self._theme.name,
            "INK": self._theme.text,
            "BACK": self._theme.back,
        }
        page = _PAGE
        for name, value in parts.items():
            page = page.replace(f"@{name}@", value)
        return page

    def _repr_html_(self) -> str:
        """Return what a notebook shows: the page in a frame of its own."""
        page = self.to_html().replace("&", "&amp;").replace('"', "&quot;")
        width, height = self.figure.get_size_inches() * 100
        return (
            f'<iframe srcdoc="{page}" width="{width + 20:.0f}" '
            f'height="{height + 70:.0f}" title="Animation" frameborder="0"></iframe>'
        )

    # --- files ------------------------------------------------------------------------

    def _images(self, dpi: float) -> list[Any]:
        """Draw the frames; return them as images of Pillow, with few colours."""
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from PIL import Image

        before = self.figure.dpi, self.figure.canvas
        canvas = FigureCanvasAgg(self.figure)
        images = []
        try:
            self.figure.set_dpi(dpi)
            with drawing(self._theme):
                for frame in range(self.frames):
                    self.still(frame)
                    canvas.draw()
                    pixels = np.asarray(canvas.buffer_rgba())[..., :3]
                    images.append(Image.fromarray(np.ascontiguousarray(pixels)))
        finally:
            self.figure.set_dpi(before[0])
            self.figure.set_canvas(before[1])
        return in_few_colours(images, self._theme)

    def _gif(self, path: Path, dpi: float) -> None:
        few = self._images(dpi)
        each = round(1000 / self.fps)
        durations = [each] * (len(few) - 1) + [each * _LAST]
        options = {"save_all": True, "append_images": few[1:], "duration": durations}
        few[0].save(path, loop=0, optimize=True, **options)

    def _html(self, path: Path, dpi: float) -> None:
        path.write_text(self.to_html(dpi=dpi), encoding="utf-8")

    def _mp4(self, path: Path, dpi: float) -> None:
        from matplotlib.animation import FFMpegWriter

        if not FFMpegWriter.isAvailable():
            raise LibraryError(
                "an MP4 is written by the program ffmpeg, and it is not installed. "
                "Install it (apt install ffmpeg), or save as .gif or .html."
            )
        writer = FFMpegWriter(fps=self.fps)
        with writer.saving(self.figure, str(path), dpi):
            for frame in range(self.frames):
                self.still(frame)
                writer.grab_frame()


def in_few_colours(images: list[Any], theme: Theme) -> list[Any]:
    """Return images with one palette, in which the theme's own colours are."""
    from PIL import Image

    rgb = matplotlib().colors.to_rgb
    own = (*theme.lines, theme.text, theme.quiet, theme.back)
    first = np.rint(255 * np.asarray([rgb(color) for color in own]))
    found = np.reshape(images[-1].quantize(_COLOURS).getpalette(), (-1, 3))
    apart = np.abs(found[:, None] - first).max(axis=-1).min(axis=-1) > _NEAR
    palette = Image.new("P", (1, 1))
    colours = np.concatenate([first, found[apart]]).astype(int)
    palette.putpalette(colours.ravel().tolist())
    plain = Image.Dither.NONE
    return [image.quantize(palette=palette, dither=plain) for image in images]


def _in_text(image: Any) -> str:
    """Return an image as the address of itself."""
    file = io.BytesIO()
    image.save(file, format="png")
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"


_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Animation</title><style>
:root{color-scheme:@SCHEME@}
body{margin:8px;background:@BACK@;color:@INK@;font:14px system-ui,sans-serif}
img{max-width:100%;display:block} input{width:min(24em,60%);vertical-align:middle}
h1{position:absolute;clip-path:inset(50%);white-space:nowrap} /* for screen readers */
</style></head><body><main><h1>Animation</h1>
<img id="picture" alt="One frame of an animation" src=@FIRST@>
<button id="play" type="button">Play</button>
<label>frame <input id="frame" type="range" min="0" max="@LAST@" value="0"></label>
<output id="number" aria-live="off">0</output></main>
<script>
"use strict";
const pictures = [@PICTURES@], wait = @WAIT@, last = @LAST@;
const [picture, play, slider, number] =
  ["picture", "play", "frame", "number"].map((id) => document.getElementById(id));
let timer = null;
function show(k) {
  picture.src = pictures[k]; slider.value = k; number.textContent = k;
}
function stop() { clearInterval(timer); timer = null; play.textContent = "Play"; }
function start() {
  if (Number(slider.value) === last) show(0);
  play.textContent = "Pause";
  timer = setInterval(() => {
    const k = Number(slider.value);
    if (k === last) stop(); else show(k + 1);
  }, wait);
}
play.addEventListener("click", () => (timer === null ? start() : stop()));
slider.addEventListener("input", () => { stop(); show(Number(slider.value)); });
if (!matchMedia("(prefers-reduced-motion: reduce)").matches) start();
</script></body></html>
"""
