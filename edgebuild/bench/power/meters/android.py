"""The meters `android-rails` and `android-battery`: what a phone says of its own power, recorded by Perfetto."""

from __future__ import annotations

from pydantic import Field

from edgebuild.bench.power.android import battery_trace, perfetto_meter, rails_trace
from edgebuild.bench.power.meter import Capabilities, MeterKind, PowerMeter
from edgebuild.bench.power.on_device import SampledOptions
from edgebuild.config.quantity import Milliseconds
from edgebuild.config.registries import METERS
from edgebuild.device.transport import Transport

_ACCURACY = 0.05
_RAILS = "assumed: nobody publishes that of a phone's rail monitors"
_BATTERY = "assumed for the battery's gauge, which often renews its reading only every second or more"
_TRIED = "traces made of Perfetto's own messages; no phone was attached"


class RailsOptions(SampledOptions):
    """Options of the meter `android-rails`."""

    period: Milliseconds = Field(default=250.0, gt=0, description="between two readings of the rails")
    rails: tuple[str, ...] = Field(default=(), description="names of the rails that count; default: all")


class BatteryOptions(SampledOptions):
    """Options of the meter `android-battery`."""

    period: Milliseconds = Field(default=250.0, gt=0, description="between two readings of the gauge")


def open_rails(transport: Transport, options: RailsOptions) -> PowerMeter:
    """The meter of a phone's power rails."""
    capabilities = Capabilities(options.rails or ("all rails of the phone",), 1 / options.seconds, _ACCURACY, _RAILS)
    return perfetto_meter(
        transport, options.seconds, capabilities, lambda record: rails_trace(record, options.rails), rails=True
    )


def open_battery(transport: Transport, options: BatteryOptions) -> PowerMeter:
    """The meter of a phone's battery."""
    capabilities = Capabilities(("battery",), 1 / options.seconds, _ACCURACY, _BATTERY)
    return perfetto_meter(transport, options.seconds, capabilities, battery_trace, rails=False)


METERS.register("android-rails")(
    MeterKind("power rails of an Android phone, by Perfetto", RailsOptions, open_rails, _TRIED)
)
METERS.register("android-battery")(
    MeterKind("battery gauge of an Android phone, by Perfetto", BatteryOptions, open_battery, _TRIED)
)
