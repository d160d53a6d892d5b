"""The end of a recipe, one per framework: how `model`, whose layers are frozen by then, is trained.

Each leaves the model's weights in `model.pth`, under the names of its library.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from layercut.recipes.libraries import OWN
from layercut.recipes.training import epoch_factor, keras_optimizer_line, optimizer_line, scheduler_line

_SAVE = 'torch.save(model.state_dict(), "model.pth")'


class Ending(NamedTuple):
    """What a framework needs."""

    imports: tuple[str, ...]
    """Lines before the imports of every recipe."""
    train: Callable[[Mapping[str, Any], str], str]
    """From a training and the arguments that the model was made with to code."""
    libraries: tuple[str, ...] = ("timm", "torchvision")
    """Whose models it takes; `libraries.OWN` for those of a function of the user's own."""
    has_groups: bool = True
    """Whether its optimizer takes groups of parameters."""
    lacks: tuple[str, ...] = ()
    """Fields of a training that it does otherwise, or not at all, where they are given."""


def _loop(training: Mapping[str, Any], made_with: str) -> str:
    clip, scheduler = training["clip_norm"], scheduler_line(training)
    lines = [
        f"optimizer = {optimizer_line(training)}",
        *([f"scheduler = {scheduler}"] if scheduler else []),
        f"for epoch in range({training['epochs']}):",
        "    train_mode(model)",
        "    for inputs, labels in batches:",
        f"        loss = F.cross_entropy(model(inputs), labels, label_smoothing={training['label_smoothing']!r})",
        "        optimizer.zero_grad()",
        "        loss.backward()",
        *([f"        torch.nn.utils.clip_grad_norm_(model.parameters(), {clip!r})"] if clip else []),
        "        optimizer.step()",
        *(["    scheduler.step()"] if scheduler else []),
        '    print(f"epoch {epoch + 1}: loss of the last batch {loss.item():.3f}")',
        _SAVE,
    ]
    return "\n".join(lines)


def _lightning(training: Mapping[str, Any], made_with: str) -> str:
    clip, scheduler = training["clip_norm"], scheduler_line(training)
    answer = "return optimizer" if scheduler is None else f"return [optimizer], [{scheduler}]"
    return f"""
class Transfer(lightning.LightningModule):
    def __init__(self):
        super().__init__()
        self.model = model

    def on_train_epoch_start(self):
        train_mode(self.model)  # Lightning has put everything into training mode

    def training_step(self, batch):
        inputs, labels = batch
        return F.cross_entropy(self.model(inputs), labels, label_smoothing={training["label_smoothing"]!r})

    def configure_optimizers(self):
        optimizer = {optimizer_line(training)}
        {answer}


trainer = lightning.Trainer(
    max_epochs={training["epochs"]}, gradient_clip_val={clip!r}, logger=False, enable_checkpointing=False
)
trainer.fit(Transfer(), batches)
{_SAVE}"""


def _transformers(training: Mapping[str, Any], made_with: str) -> str:
    factor = epoch_factor(training)
    return f"""
class TransferForImageClassification(transformers.TimmWrapperForImageClassification):
    def train(self, mode=True):
        super().train(mode)
        if mode:
            train_mode(self.timm_model)  # the Trainer has put everything into training mode
        return self


config = transformers.TimmWrapperConfig(
    architecture=ARCHITECTURE,
    model_args=dict({made_with}),
    id2label=dict(enumerate(CLASSES)),
    label2id={{name: number for number, name in enumerate(CLASSES)}},
)
config.model_args.pop("num_classes")
wrapped = TransferForImageClassification(config)
wrapped.timm_model = model


def collate(items):
    return {{
        "pixel_values": torch.stack([image for image, _ in items]),
        "labels": torch.tensor([label for _, label in items]),
    }}


optimizer = {optimizer_line(training)}
steps = len(batches)
schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: (lambda epoch: {factor})(step // steps))
arguments = transformers.TrainingArguments(
    output_dir="trained",
    num_train_epochs={training["epochs"]},
    per_device_train_batch_size={training["batch_size"]},
    max_grad_norm={training["clip_norm"] or 0.0!r},
    label_smoothing_factor={training["label_smoothing"]!r},
    remove_unused_columns=False,
    save_strategy="no",
    report_to="none",
)
trainer = transformers.Trainer(
    model=wrapped, args=arguments, train_dataset=images, data_collator=collate, optimizers=(optimizer, schedule)
)
trainer.train()
wrapped.cpu().save_pretrained("trained")  # transformers.AutoModelForImageClassification.from_pretrained("trained")
{_SAVE}"""


def _keras(training: Mapping[str, Any], made_with: str) -> str:
    return f"""
class Transfer(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.model = model

    def train(self, mode=True):
        super().train(mode)
        if mode:
            train_mode(self.model)  # Keras has put everything into training mode
        return self

    def forward(self, images):
        return self.model(images)


def one_hot(items):
    labels = torch.tensor([label for _, label in items])
    return torch.stack([image for image, _ in items]), F.one_hot(labels, len(CLASSES)).float()


wrapped = keras.Sequential([keras.layers.TorchModuleWrapper(Transfer(), output_shape=(None, len(CLASSES)))])
wrapped.compile(
    optimizer={keras_optimizer_line(training)},
    loss=keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing={training["label_smoothing"]!r}),
)
schedule = keras.callbacks.LearningRateScheduler(lambda epoch, rate: {training["lr"]!r} * ({epoch_factor(training)}))
batches = torch.utils.data.DataLoader(images, batch_size={training["batch_size"]}, shuffle=True, collate_fn=one_hot)
wrapped.fit(batches, epochs={training["epochs"]}, callbacks=[schedule], verbose=2)
model.cpu()
{_SAVE}"""


def _ultralytics(training: Mapping[str, Any], made_with: str) -> str:
    clip = training["clip_norm"]
    clipping = f"        torch.nn.utils.clip_grad_norm_(model.parameters(), {clip!r})\n" if clip else ""
    return f"""
TRAINED = {{name for name, value in model.named_parameters() if value.requires_grad}}


class Transfer(torch.nn.Module):
    criterion, stride = None, torch.tensor([1])  # the trainer asks for these

    def __init__(self):
        super().__init__()
        self.model = model

    def forward(self, batch):
        return self.loss(batch) if isinstance(batch, dict) else self.model(batch)

    def loss(self, batch, logits=None):
        logits = self.model(batch["img"]) if logits is None else logits
        loss = F.cross_entropy(logits, batch["cls"], label_smoothing={training["label_smoothing"]!r})
        return loss, {{"loss": loss.detach()}}


class TransferTrainer(ClassificationTrainer):
    def get_dataset(self):
        return {{"train": "photos/train", "val": "photos/train", "names": dict(enumerate(CLASSES)), "nc": len(CLASSES)}}

    def get_dataloader(self, *args, **kwargs):
        return batches

    def setup_model(self):
        self.model = Transfer()

    def build_optimizer(self, *args, **kwargs):
        for name, value in model.named_parameters():
            value.requires_grad_(name in TRAINED)  # the trainer has let everything be trained again
        return {optimizer_line(training)}

    def _setup_scheduler(self):
        self.lf = lambda epoch: {epoch_factor(training)}
        self.scheduler = torch.optim.lr_scheduler.LambdaLR(self.optimizer, self.lf)

    def _model_train(self):
        super()._model_train()
        train_mode(model)  # the trainer's own `freeze` lets statistics of batch norms move

    def optimizer_step(self):
{clipping}        self.optimizer.step()
        self.optimizer.zero_grad()
        self.ema.update(self.model)

    def validate(self):
        return {{}}, None  # there are no validation images here

    def save_model(self):
        return False  # its files hold moving averages in half precision; `model.pth` is the model itself

    def final_eval(self):
        pass


def collate(items):
    return {{
        "img": torch.stack([image for image, _ in items]),
        "cls": torch.tensor([label for _, label in items]),
    }}


batches = torch.utils.data.DataLoader(images, batch_size={training["batch_size"]}, shuffle=True, collate_fn=collate)
options = {{
    "model": ARCHITECTURE,
    "epochs": {training["epochs"]},
    "batch": {training["batch_size"]},
    "nbs": {training["batch_size"]},  # a step each batch
    "imgsz": max(images[0][0].shape[1:]),
    "freeze": list(FROZEN_LAYERS),
    "warmup_epochs": 0,
    "patience": 0,
    "amp": False,
    "val": False,
    "plots": False,
    "close_mosaic": 0,
    "project": "trained",
    "exist_ok": True,
}}
TransferTrainer(overrides=options).train()
model.cpu()
{_SAVE}"""


_ANY = ("timm", "torchvision", OWN)

ENDINGS = {
    "torch": Ending((), _loop, libraries=_ANY),
    "timm": Ending((), _loop, libraries=("timm",)),
    "lightning": Ending(("import lightning",), _lightning, libraries=_ANY),
    "transformers": Ending(("import math", "", "import transformers"), _transformers, libraries=("timm",)),
    "keras": Ending(
        ("import math", "import os", "", 'os.environ["KERAS_BACKEND"] = "torch"', "import keras"),
        _keras,
        has_groups=False,
        lacks=("kept_lr_scale",),
    ),
    "ultralytics": Ending(
        ("import math", "", "from ultralytics.models.yolo.classify import ClassificationTrainer"), _ultralytics
    ),
}
"""By the name of the framework, as `layercut recipe --for` takes it."""
