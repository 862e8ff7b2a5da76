"""The verb `nfield data`: its options, and what they do. Torch-free."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from rich.console import Console
from tyro.conf import Positional, arg, subcommand

from nfield.arguments import Count, Switch


@dataclass(frozen=True)
class ConvertData:
    """Write a dataset as transforms.json with copies of its images, as nerfstudio and this program
    read them.

    Poses, intrinsics, distortion, times, masks and splits are kept to the last digit.
    """

    source: Annotated[Positional[str], arg(metavar="SRC", help_behavior_hint="")]
    """Dataset in any format that `nfield fit` takes."""
    out: Annotated[Positional[str], arg(metavar="DST", help_behavior_hint="")]
    """New folder."""
    downscale: Count = None
    """Take the images stored in images_N (1)."""
    json: Switch = False
    """Print the result as JSON on stdout."""


@dataclass(frozen=True)
class Poses:
    """Find the poses of photos with COLMAP (extra colmap); writes FOLDER/sparse."""

    folder: Annotated[Positional[str], arg(metavar="FOLDER", help_behavior_hint="")]
    """Folder with photos, or with images/ that holds them."""
    video: Switch = False
    """Match each photo with its neighbours by name alone: quicker, for frames of a film."""
    json: Switch = False
    """Print the result as JSON on stdout."""


@dataclass(frozen=True)
class Dataset:
    """Prepare datasets of posed photos."""

    task: Annotated[ConvertData, subcommand("convert")] | Annotated[Poses, subcommand("poses")]


def prepare(args: Dataset, err: Console) -> int:
    """Do what was asked for, and print what came of it."""
    from nfield import display

    task = args.task
    with display.counter(err, "copying" if isinstance(task, ConvertData) else "registering") as bar:
        shown = bar.add_task("", total=None)

        def watch(total: int) -> None:
            bar.update(shown, advance=1, total=total)

        if isinstance(task, ConvertData):
            from nfield.data.conversion import convert

            result = convert(task.source, task.out, downscale=task.downscale or 1, watch=watch)
        else:
            from nfield.data.poses import find_poses

            result = find_poses(task.folder, video=task.video, watch=watch)
    display.output(task.json, result, lambda console: display.pairs(console, result["out"], result))
    return 0
