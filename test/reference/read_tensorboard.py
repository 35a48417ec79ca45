"""Prints what TensorBoard reads in a folder, as JSON, for test/run/tensorboard.test.ts. Run: python3 read_tensorboard.py FOLDER"""
import base64
import json
import sys

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import metadata

# The files as they are, without conversion: nothing is sampled.
events = EventAccumulator(sys.argv[1], size_guidance={"images": 0, "scalars": 0, "histograms": 0})
events.Reload()
tags = events.Tags()


def histogram(event):
    h = event.histogram_value
    return [event.step, h.min, h.max, h.num, h.sum, h.sum_squares]


def content(tag):
    return events.summary_metadata[tag].plugin_data.content


start = metadata.parse_session_start_info_plugin_data(content(metadata.SESSION_START_INFO_TAG))
end = metadata.parse_session_end_info_plugin_data(content(metadata.SESSION_END_INFO_TAG))
print(
    json.dumps(
        {
            "scalars": {t: [[e.step, e.value] for e in events.Scalars(t)] for t in tags["scalars"]},
            "images": {
                t: [[e.step, e.width, e.height, base64.b64encode(e.encoded_image_string).decode()] for e in events.Images(t)]
                for t in tags["images"]
            },
            "histograms": {t: [histogram(e) for e in events.Histograms(t)] for t in tags["histograms"]},
            "hparams": {name: getattr(value, value.WhichOneof("kind")) for name, value in start.hparams.items()},
            "status": end.status,
        }
    )
)
