"""A radiance field in its scene: what a run trains, saves and renders."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from nfield.config import Config
from nfield.errors import InputError
from nfield.fields.build import build
from nfield.fields.contract import ParameterGroup, RadianceField
from nfield.fields.photos import PhotoParameters
from nfield.fields.trained import Trained
from nfield.ops.composite import composite
from nfield.ops.contraction import to_unit_cube
from nfield.ops.distortion import distortion
from nfield.ops.march import Samples
from nfield.ops.visibility import visible
from nfield.render.bounds import Bounds
from nfield.render.cameras import Cameras
from nfield.render.chunks import in_chunks
from nfield.render.occupancy import Occupancy, OccupancySettings
from nfield.render.rendered import Rendered

RAYS_PER_CHUNK = 1 << 13
Color = tuple[float, float, float]


@dataclass(frozen=True)
class Image:
    """One rendered view.

    Shape
        color ``(H, W, 3)`` sRGB in [0, 1] over the background, opacity ``(H, W)``, depth ``(H, W)``
        mean distance along the ray where anything was hit (inf elsewhere), normal ``(H, W, 3)``
        world, unit (0 where nothing was hit), or None
    """

    color: Tensor
    opacity: Tensor
    depth: Tensor
    normal: Tensor | None


class Model(Trained):
    """A radiance field, its occupancy grid, and where both lie in the world.

    Args:
        field: The one of the configuration by default.
        photos: What is learned of the photos beside the field; nothing by default.
    """

    field: RadianceField

    def __init__(
        self,
        config: Config,
        bounds: Bounds,
        field: RadianceField | None = None,
        photos: PhotoParameters | None = None,
    ):
        super().__init__(build(config) if field is None else field)
        assert config.occupancy is not None  # every radiance preset has one
        self.occupancy = Occupancy(OccupancySettings(**asdict(config.occupancy)), bounds)
        self.bounds = bounds
        self.photos = photos

    def parameter_groups(self) -> list[ParameterGroup]:
        """The field's, and those of the photos."""
        groups = super().parameter_groups()
        return groups if self.photos is None else groups + self.photos.parameter_groups()

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Tensors and plain values that `load_model` makes the model of."""
        tensors, meta = super().state()
        where, bounds = self.bounds.state()
        count = {} if self.photos is None else {"photos": self.photos.count}
        return {**where, **tensors}, {"bounds": bounds, **count, **meta}

    def places(self, samples: Samples, origins: Tensor, directions: Tensor) -> Tensor:
        """Unit-cube points ``(S, 3)`` of samples as functions of their rays ``(R, 3)``.

        They are those of `samples.x` to rounding; a sample keeps its distance along the ray.
        """
        begin, along = (rays.index_select(0, samples.ray) for rays in (origins, directions))
        points = begin + samples.t[:, None] * along
        return to_unit_cube(
            points, self.bounds.center, self.bounds.half_size, self.bounds.unbounded
        )

    def density(self, x: Tensor) -> Tensor:
        """Density ``(N,)`` per half size at unit-cube points ``(N, 3)``."""
        return self.field.density(self.field.features(x))

    @torch.no_grad()
    def visible(self, samples: Samples) -> tuple[Samples, Tensor]:
        """The samples that light reaches, by the density there, and their latents."""
        latents: list[Tensor] = []
        asked: list[Tensor] = []

        def thickness(index: Tensor) -> Tensor:
            h = self.field.features(samples.x.index_select(0, index))
            latents.append(h)
            asked.append(index)
            return self.field.density(h) * (
                samples.dt.index_select(0, index) / self.bounds.half_size
            )

        index, offset = visible(samples.offset, thickness)
        if not asked:
            thickness(index)
        h = torch.cat(latents)
        # Windows come one after the other, rays in the order of their samples.
        place = index.new_empty(len(samples))
        place[torch.cat(asked)] = torch.arange(len(h), device=h.device)
        return samples.take(index, offset), h.index_select(0, place.index_select(0, index))

    def composite(self, samples: Samples, directions: Tensor, h: Tensor) -> Rendered:
        """Rays with directions ``(R, 3)`` from the latents of their samples."""
        rgb = self.field.color(h, directions.index_select(0, samples.ray))
        return self.blend(samples, self.field.density(h), rgb)

    def blend(self, samples: Samples, density: Tensor, rgb: Tensor) -> Rendered:
        """Rays from the densities ``(S,)`` and colours ``(S, 3)`` of their samples."""
        dt = samples.dt / self.bounds.half_size
        return Rendered(*composite(density, rgb, samples.t, dt, samples.offset))

    def distortion(self, samples: Samples, density: Tensor) -> Tensor:
        """Mean spread of the rays' light, in s = t / (t + half size): near to far, 0 to 1.

        Shape
            density ``(S,)`` of the samples -> scalar
        """
        half = self.bounds.half_size
        near, far = samples.t - samples.dt / 2, samples.t + samples.dt / 2
        begin, end = near / (near + half), far / (far + half)
        dt = samples.dt / half
        return distortion(density, dt, (begin + end) / 2, end - begin, samples.offset).mean()

    @torch.no_grad()
    def render_rays(self, origins: Tensor, directions: Tensor) -> Rendered:
        """Render rays ``(R, 3)`` without background."""
        middle = torch.full_like(origins[:, 0], 0.5)
        samples, h = self.visible(self.occupancy.march(origins, directions, middle))
        return self.composite(samples, directions, h)

    def render(
        self,
        cameras: Cameras,
        index: int,
        *,
        background: Color = (1.0, 1.0, 1.0),
        normals: bool = False,
    ) -> Image:
        """Render one camera; the image is in the CPU's memory.

        Args:
            normals: Whether to compute normals, from the depth of neighbouring pixels.
        """
        near = cameras.to(self.device)

        def rendered(chunk: Tensor) -> Rendered:
            which = torch.full((len(chunk),), index, device=self.device)
            return self.render_rays(*near.rays(which, chunk))

        pixels = cameras.pixels(index).to(self.device)
        whole = Rendered.joined(in_chunks(pixels, RAYS_PER_CHUNK, rendered)).cpu()
        return image_of(whole, cameras, index, background=background, normals=normals)


def image_of(
    rendered: Rendered,
    cameras: Cameras,
    index: int,
    *,
    background: Color = (1.0, 1.0, 1.0),
    normals: bool = False,
) -> Image:
    """The view that the rays of all pixels of one camera make, in the order of its pixels.

    Args:
        normals: See `Model.render`.
    """
    width, height = (int(side) for side in cameras.size[index])
    color = rendered.over(torch.tensor(background)).clamp(0, 1).view(height, width, 3)
    opacity = rendered.opacity.view(height, width)
    distance = rendered.depth.view(height, width) / opacity.clamp(min=1e-6)
    depth = torch.where(opacity > 0.5, distance, torch.inf)
    normal = _normals(cameras, index, depth) if normals else None
    return Image(color, opacity, depth, normal)


def _normals(cameras: Cameras, index: int, depth: Tensor) -> Tensor:
    """World normals from the cross product of the surface's slopes along columns and rows."""
    height, width = depth.shape
    pixels = cameras.pixels(index)
    origins, directions = cameras.rays(torch.full((len(pixels),), index), pixels)
    finite = torch.where(depth.isfinite(), depth, 0).view(-1, 1)
    surface = (origins + finite * directions).view(height, width, 3)
    along_x, along_y = torch.zeros_like(surface), torch.zeros_like(surface)
    along_x[:, 1:-1] = surface[:, 2:] - surface[:, :-2]
    along_y[1:-1] = surface[2:] - surface[:-2]
    normal = torch.nn.functional.normalize(torch.cross(along_y, along_x, dim=-1), dim=-1)
    hit = depth.isfinite()
    inside = torch.zeros_like(hit)
    inside[1:-1, 1:-1] = (
        hit[1:-1, 1:-1] & hit[:-2, 1:-1] & hit[2:, 1:-1] & hit[1:-1, :-2] & hit[1:-1, 2:]
    )
    return normal * inside[..., None]


def photos_of(config: Config, bounds: Bounds, centers: Tensor) -> PhotoParameters | None:
    """What a fit learns of its photos, whose cameras stand at `centers` ``(C, 3)``; or nothing."""
    settings = config.photos
    if settings is None or not (settings.refine_poses or settings.appearance):
        return None
    return PhotoParameters(settings, centers, bounds.half_size)


def load_model(config: Config, tensors: Mapping[str, Tensor], meta: Mapping[str, Any]) -> Model:
    """The model of a checkpoint, inverse of `Model.state`.

    Raises:
        InputError: the checkpoint's tensors do not fit the configuration.
    """
    if "bounds" not in meta:
        raise InputError(
            "checkpoint: bounds must be given, got none; it is damaged, start a new run"
        )
    bounds = Bounds.from_state(tensors, meta["bounds"])
    photos = photos_of(config, bounds, torch.zeros(meta["photos"], 3)) if "photos" in meta else None
    model = Model(config, bounds, photos=photos)
    model.restore(tensors, meta)
    model.occupancy.refresh()
    return model
