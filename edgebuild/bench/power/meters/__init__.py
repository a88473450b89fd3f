"""Power meters, one a file, registered in METERS under the name that a device file gives under `power: {meter: …}`."""
