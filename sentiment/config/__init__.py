"""The configuration of a run: options by section, declared once with their roles; and presets.

`sentiment.runs.resolve` merges the options of architecture, preset, pretrained network and user.
"""

from sentiment.config.declaration import (
    LARGEST_INTEGER,
    Config,
    Declared,
    Options,
    Range,
    Role,
    Section,
    base_type,
    changed_flag,
    flag_of,
    merged,
    only,
    option,
)
from sentiment.config.sections import (
    ACTIVATIONS,
    ATTENTIONS,
    IN_MEMORY,
    NO_UNLABELLED,
    NORMALIZATIONS,
    OBJECTIVES,
    OPTIMIZERS,
    POOLINGS,
    PRETRAINING,
    SCHEDULES,
    STRATEGIES,
    TRUNCATIONS,
    UNLABELLED_OF_CORPUS,
    DataConfig,
    ModelConfig,
    PretrainConfig,
    PretrainingConfig,
    RunConfig,
    RuntimeConfig,
    TextConfig,
    TrainingConfig,
)

__all__ = ["ACTIVATIONS", "ATTENTIONS", "IN_MEMORY", "LARGEST_INTEGER", "NORMALIZATIONS", "NO_UNLABELLED", "OBJECTIVES",
           "OPTIMIZERS", "POOLINGS", "PRETRAINING", "SCHEDULES", "STRATEGIES", "TRUNCATIONS", "UNLABELLED_OF_CORPUS",
           "Config", "DataConfig", "Declared", "ModelConfig", "Options", "PretrainConfig", "PretrainingConfig", "Range",
           "Role", "RunConfig", "RuntimeConfig", "Section", "TextConfig", "TrainingConfig", "base_type", "changed_flag",
           "flag_of", "merged", "only", "option"]
