"""`layercut export-model`: a study's model as files for other programs."""

from __future__ import annotations

from pathlib import Path

import click

from layercut.cli.options import HomePath, condition_option, data_option, trust_option
from layercut.cli.terminal import say

FORMATS = ("safetensors", "timm", "onnx", "torch")


@click.command("export-model")
@click.argument("run", type=HomePath())
@condition_option
@click.option(
    "--format",
    "file_format",
    type=click.Choice(FORMATS),
    default="safetensors",
    show_default=True,
    help="Format to write.",
)
@click.option(
    "-o",
    "--output",
    type=HomePath(file_okay=False),
    required=True,
    help="Folder for the files: new, empty, or an earlier export, which is replaced.",
)
@click.option(
    "--check-on",
    "images",
    type=HomePath(dir_okay=False),
    multiple=True,
    metavar="IMAGE",
    help="Picture to check the export on; may be repeated. By default images that the run kept, or noise if it kept "
    "none.",
)
@trust_option
@data_option
def command(
    run: Path,
    condition: dict[str, str],
    file_format: str,
    output: Path,
    images: tuple[Path, ...],
    trust_code: bool,
    data_dir: Path | None,
) -> None:
    """Write a study's model as files that other programs can open.

    RUN is the output directory of a study, or a folder with a model. Without --condition, the model that the study
    recommends is written. If the study did not keep its weights (`keep: [weights]`), the model is trained again
    first, with the same result.

    \b
    Formats:
        safetensors  for layercut: `layercut predict DIR`, `load_model("DIR")`
        timm         timm.create_model("local-dir:DIR", pretrained=True);
                     complete timm models only
        onnx         model.onnx; scales pixels itself, classes in its metadata;
                     needs pip install 'layercut[onnx]'
        torch        model.pt2 for torch.export.load; scales pixels itself

    Also writes card.json (classes, preprocessing, accuracies) and README.md, a model card for the Hugging Face hub.
    Every export is checked: the library it is for opens the files again, and the logits must agree with the model's
    to 1e-5. Prints the folder; size and time per image go to stderr.

    \b
    Examples:
        layercut export-model runs/mine -o my-model
        layercut export-model runs/mine --format onnx -o my-onnx
        layercut export-model runs/mine -o my-model --condition strategy=finetune
    """
    from layercut.cli.chosen_model import chosen_model
    from layercut.cli.columns import filled
    from layercut.model_export import export_model

    kept = chosen_model(run, condition, data_dir)
    done = export_model(kept, output, file_format, images, trust_code)
    of, torch = done.latency, done.pytorch_latency
    say(f"{done.num_parameters:,} parameters, {done.num_bytes / 1e6:.1f} MB", err=True)
    time = (
        f"one image: {of.milliseconds:.1f} ms (in layercut: {torch.milliseconds:.1f} ms), median of {of.runs} runs on "
        f"one thread of {of.processor}"
    )
    say(filled(time, hanging="  "), err=True)
    compared = done.comparison
    same = f"logits within {compared.largest_difference:.0e} of the model's, on {compared.images}"
    say(filled(same, hanging="  "), err=True)
    say(done.folder)
