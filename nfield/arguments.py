"""The program's verbs and their options, as its help shows them. Torch-free."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from tyro.conf import Positional, UseAppendAction, arg

Text = Annotated[str | None, arg(metavar="NAME", help_behavior_hint="")]
Count = Annotated[int | None, arg(metavar="N", help_behavior_hint="")]
Seconds = Annotated[float | None, arg(metavar="S", help_behavior_hint="")]
Real = Annotated[float | None, arg(metavar="X", help_behavior_hint="")]
Box = Annotated[
    tuple[float, float, float, float, float, float] | None,
    arg(metavar="X Y Z X Y Z", help_behavior_hint=""),
]
Place = Annotated[str | None, arg(metavar="PATH", help_behavior_hint="")]
Assignments = Annotated[
    tuple[str, ...], UseAppendAction, arg(metavar="KEY=VALUE", help_behavior_hint="(repeatable)")
]
Size = Annotated[tuple[int, int] | None, arg(metavar="W H", help_behavior_hint="")]
Switch = Annotated[bool, arg(help_behavior_hint="")]
Data = Annotated[Positional[str], arg(metavar="DATA", help_behavior_hint="")]
RunPath = Annotated[Positional[str], arg(metavar="RUN", help_behavior_hint="")]
Background = Annotated[
    Literal["white", "black", "random"] | None, arg(metavar="COLOUR", help_behavior_hint="")
]
What = Annotated[
    Literal["rgb", "depth", "normal"] | None, arg(metavar="QUANTITY", help_behavior_hint="")
]


@dataclass(frozen=True)
class Fit:
    """Fit a field to a scene, an image, a shape or a video.

    It trains for 60 seconds unless a budget is given.
    """

    data: Data
    """Folder or transforms.json of a scene (COLMAP, LLFF, ...), builtin:matte | glossy | thin,
    an image, a mesh, a video, or a recipe (*.toml)."""
    field: Text = None
    """Preset of the field (ngp, hash-image, hash-sdf or hash-video)."""
    out: Place = None
    """Run folder (runs/<data>-<field>)."""
    max_steps: Count = None
    """Budget in steps, in total; the learning rate falls over train.decay_steps steps."""
    max_seconds: Seconds = None
    """Budget in seconds of training alone, in total."""
    downscale: Count = None
    """Divide the images' sides by N (1)."""
    seed: Count = None
    """Seed of everything random (0)."""
    background: Background = None
    """white | black | random: behind images with alpha (random; white for one image)."""
    device: Text = None
    """auto | cpu | cuda (auto)."""
    deterministic: Switch = False
    """The same bits every time on the GPU too, at a price (train.deterministic)."""
    resume: Switch = False
    """Continue the run in --out where it was stopped."""
    fresh: Switch = False
    """Choose the field's frequency by the spectrum of the data first (FreSh); RUN/fresh.svg.
    A resumed run keeps its choice."""
    view: Switch = False
    """Serve a page that shows a scene while it is fitted (extra viewer)."""
    set: Assignments = ()
    """Override any key of the configuration, such as train.samples=4096."""
    json: Switch = False
    """Print the result as JSON on stdout."""


@dataclass(frozen=True)
class View:
    """Fly through a scene's field in the browser: a run's, two runs' side by side, or one that is
    fitted meanwhile (extra viewer).

    Ctrl-C ends it, and saves what is being fitted.
    """

    what: Annotated[Positional[tuple[str, ...]], arg(metavar="RUN [RUN2] | DATA")]
    """Run folders, or a scene to be fitted when the page says so."""
    port: Count = None
    """Port of the page (the first free one from 8080 on)."""
    host: Annotated[str, arg(metavar="HOST", help_behavior_hint="")] = "127.0.0.1"
    """Address that the page is served at (127.0.0.1: this machine alone)."""
    share: Annotated[float, arg(metavar="X", help_behavior_hint="")] = 0.3
    """Most of the time that showing may take from training (0.3)."""
    field: Text = None
    """Of DATA, as the following: preset of the field (ngp)."""
    out: Place = None
    """Run folder (runs/<data>-<field>)."""
    max_steps: Count = None
    """Budget in steps, in total."""
    max_seconds: Seconds = None
    """Budget in seconds of training alone, in total (60)."""
    downscale: Count = None
    """Divide the images' sides by N (1)."""
    resume: Switch = False
    """Continue the run in --out."""
    set: Assignments = ()
    """Override any key of the configuration."""


@dataclass(frozen=True)
class Convert:
    """Teach a new field what a run has learned of a scene; no photos are needed.

    It trains for 60 seconds unless a budget is given, and writes OUT/report.html.
    """

    run: RunPath
    """Run folder of the teacher."""
    to: Annotated[str, arg(metavar="NAME")]
    """Preset of the new field: ngp | nerf | cam | rbf | triplane | lowrank | voxel."""
    out: Place = None
    """Run folder (RUN-NAME)."""
    max_steps: Count = None
    """Budget in steps, in total."""
    max_seconds: Seconds = None
    """Budget in seconds of training alone, in total."""
    finetune_seconds: Seconds = None
    """Seconds of training with the photos after that."""
    region: Annotated[str | None, arg(metavar="BOX", help_behavior_hint="")] = None
    """Convert only what is in the box x0,y0,z0,x1,y1,z1 of the world."""
    seed: Count = None
    """Seed of everything random (0)."""
    device: Text = None
    """auto | cpu | cuda (auto)."""
    resume: Switch = False
    """Continue the conversion in --out where it was stopped."""
    every: Count = None
    """Judge test views 0, N, 2N, ... (about eight)."""
    beside: Annotated[str | None, arg(metavar="RUN", help_behavior_hint="")] = None
    """Show the student beside the fit RUN of the same field to the same data: PSNR over time."""
    set: Assignments = ()
    """Override any key of the configuration, such as model.width=256 or convert.hard_rays=true."""
    json: Switch = False
    """Print the result as JSON on stdout."""


@dataclass(frozen=True)
class Eval:
    """Judge a run by what it was fitted to; writes RUN/eval/metrics.json."""

    run: RunPath
    """Run folder."""
    split: Text = None
    """Split of a scene (test)."""
    every: Count = None
    """Take views, or frames, 0, N, 2N, ... (1)."""
    lpips_weights: Place = None
    """File with LPIPS weights; without it LPIPS is null."""
    background: Background = None
    """white | black (the run's, white if that was random)."""
    fit_poses: Switch = False
    """Of a scene: fit the poses of the split's views first, with the field as it is."""
    json: Switch = False
    """Print metrics.json on stdout."""


@dataclass(frozen=True)
class Render:
    """Render what a run has learned: a film of a scene or shape, a video, or an image."""

    run: RunPath
    """Run folder."""
    path: Text = None
    """Of a scene: orbit | train | test | FILE with cameras (orbit)."""
    frames: Count = None
    """Length of an orbit (60) or of a video (its own), or how many of a path's cameras (all)."""
    what: What = None
    """rgb | depth | normal: of a scene or shape; a folder's depth pictures hold 16-bit values
    (rgb)."""
    out: Place = None
    """FILE.mp4, of an image FILE.png; of a scene or shape also a folder (in RUN/renders)."""
    size: Size = None
    """Width and height in pixels of anything but given cameras (those of the data; 512 512 of a
    shape)."""
    json: Switch = False
    """Print the result as JSON on stdout."""


@dataclass(frozen=True)
class Export:
    """Write a run for use elsewhere, in the input's frame and units."""

    run: RunPath
    """Run folder."""
    what: Annotated[str, arg(metavar="NAME")] = "compressed"
    """compressed: 8 bits a value, entropy coded, judged as written. Of a scene or a shape: mesh,
    points, voxels, splats. Of a scene: depth, normals, cameras, and web: a page that renders it."""
    out: Place = None
    """File, or folder of depth or normals (RUN/export/...); a mesh is FILE.glb, .obj or .ply."""
    resolution: Count = None
    """Cells along the longest side of a mesh (256), or voxels (128; of web 256)."""
    threshold: Real = None
    """Density per unit of length where a scene's mesh has its surface (25 / half size)."""
    keep: Real = None
    """Drop parts of a mesh with less than this share of its faces (0.01)."""
    faces: Count = None
    """Make a mesh coarser: about N faces (all; 50,000 with a texture)."""
    texture: Count = None
    """Bake an N x N texture in place of a mesh's vertex colours."""
    box: Box = None
    """Lowest and highest corner of the part that mesh or voxels are of (all)."""
    count: Count = None
    """Most points or splats (200000)."""
    path: Text = None
    """Of depth, normals, cameras: train | test | orbit | FILE (train; cameras: all splits)."""
    frames: Count = None
    """Length of an orbit (60), or how many of a path's cameras (all)."""
    size: Size = None
    """Width and height in pixels of an orbit's maps or cameras (those of the data)."""
    format: Text = None
    """exr | png: of depth and normals (exr)."""
    every: Count = None
    """Judge views, or frames, 0, N, 2N, ... of compressed (1)."""
    json: Switch = False
    """Print the result as JSON on stdout."""


@dataclass(frozen=True)
class Info:
    """Say what a run, a scene, an image, a shape or a video is: sizes, cameras, warnings."""

    path: Annotated[Positional[str], arg(metavar="RUN|DATA")]
    """Run folder, or what could be fitted."""
    downscale: Count = None
    """Of a scene: take its images divided by N (1)."""
    layout: Place = None
    """Of a scene: draw its cameras and bounds to FILE.svg."""
    json: Switch = False
    """Print it as JSON on stdout."""


@dataclass(frozen=True)
class Bench:
    """Run a suite (scenes x methods x seeds) and write a report beside published figures.

    The same command again goes on where it was stopped. `nfield bench compare A B` says what
    changed between two sweeps.
    """

    what: Annotated[Positional[tuple[str, ...]], arg(metavar="SUITE|compare A B")] = ()
    """Name of a suite, or a file of one (*.toml); none lists them. compare A B: folders of two
    sweeps, or their results.json; exits with 1 where B is worse beyond the noise of the seeds."""
    out: Place = None
    """Folder of the sweep (runs/bench-SUITE)."""
    methods: Annotated[str | None, arg(metavar="NAME,NAME", help_behavior_hint="")] = None
    """Of the suite, or any fields (all of the suite)."""
    scenes: Annotated[str | None, arg(metavar="NAME,NAME", help_behavior_hint="")] = None
    """Of the suite (all)."""
    seeds: Count = None
    """How many (the suite's)."""
    steps: Count = None
    """Budget of a fit in steps (the suite's)."""
    seconds: Seconds = None
    """Budget of a fit in seconds of training (the suite's)."""
    every: Count = None
    """Judge views, or frames, 0, N, 2N, ... (the suite's)."""
    lpips_weights: Place = None
    """File with LPIPS weights; without it LPIPS is left out."""
    data: Place = None
    """Folder of datasets ($NFIELD_DATA, else data)."""
    workers: Count = None
    """Jobs at a time on this machine (1)."""
    cluster: Annotated[str | None, arg(metavar="ADDRESS", help_behavior_hint="")] = None
    """Submit the jobs to a Ray cluster (extra cluster); local starts one here."""
    cpus: Real = None
    """CPUs that a job asks the cluster for (1)."""
    gpus: Real = None
    """GPUs that a job asks the cluster for (0)."""
    set: Assignments = ()
    """Override any key of the configuration of every fit, such as downscale=4."""
    json: Switch = False
    """Print results.json, or the comparison, on stdout."""


@dataclass(frozen=True)
class Doctor:
    """Say what this installation can do, and how to get what is missing."""

    json: Switch = False
    """Print it as JSON on stdout."""
