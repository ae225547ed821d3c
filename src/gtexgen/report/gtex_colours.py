"""The colours in which the GTEx portal draws its tissues, by SMTSD and, one for each organ, by SMTS.

The portal publishes them as ``colorHex`` of its tissue table (https://gtexportal.org/api/v2/dataset/tissueSiteDetail).
"""

from __future__ import annotations

__all__ = ["SUBTISSUES", "TISSUES"]

BRAIN = (
    "Amygdala",
    "Anterior cingulate cortex (BA24)",
    "Caudate (basal ganglia)",
    "Cerebellar Hemisphere",
    "Cerebellum",
    "Cortex",
    "Frontal Cortex (BA9)",
    "Hippocampus",
    "Hypothalamus",
    "Nucleus accumbens (basal ganglia)",
    "Putamen (basal ganglia)",
    "Spinal cord (cervical c-1)",
    "Substantia nigra",
)

SUBTISSUES = {
    "Adipose - Subcutaneous": "#FF6600",
    "Adipose - Visceral (Omentum)": "#FFAA00",
    "Adrenal Gland": "#33DD33",
    "Artery - Aorta": "#FF5555",
    "Artery - Coronary": "#FFAA99",
    "Artery - Tibial": "#FF0000",
    "Bladder": "#AA0000",
    **{f"Brain - {region}": "#EEEE00" for region in BRAIN},
    "Breast - Mammary Tissue": "#33CCCC",
    "Cells - Cultured fibroblasts": "#AAEEFF",
    "Cells - EBV-transformed lymphocytes": "#CC66FF",
    "Cells - Transformed fibroblasts": "#AAEEFF",  # the same cells, as releases before V8 call them
    "Cervix - Ectocervix": "#FFCCCC",
    "Cervix - Endocervix": "#CCAADD",
    "Colon - Sigmoid": "#EEBB77",
    "Colon - Transverse": "#CC9955",
    "Esophagus - Gastroesophageal Junction": "#8B7355",
    "Esophagus - Mucosa": "#552200",
    "Esophagus - Muscularis": "#BB9988",
    "Fallopian Tube": "#FFCCCC",
    "Heart - Atrial Appendage": "#9900FF",
    "Heart - Left Ventricle": "#660099",
    "Kidney - Cortex": "#22FFDD",
    "Kidney - Medulla": "#33FFC2",
    "Liver": "#AABB66",
    "Lung": "#99FF00",
    "Minor Salivary Gland": "#99BB88",
    "Muscle - Skeletal": "#AAAAFF",
    "Nerve - Tibial": "#FFD700",
    "Ovary": "#FFAAFF",
    "Pancreas": "#995522",
    "Pituitary": "#AAFF99",
    "Prostate": "#D9D9D9",
    "Skin - Not Sun Exposed (Suprapubic)": "#0000FF",
    "Skin - Sun Exposed (Lower leg)": "#7777FF",
    "Small Intestine - Terminal Ileum": "#555522",
    "Spleen": "#778855",
    "Stomach": "#FFDD99",
    "Testis": "#A6A6A6",
    "Thyroid": "#006600",
    "Uterus": "#FF66FF",
    "Vagina": "#FF5599",
    "Whole Blood": "#FF00BB",
}
"""By SMTSD: the 54 of GTEx V8, and the one that it renamed."""

MAIN_SUBTISSUE = {
    "Adipose Tissue": "Adipose - Subcutaneous",
    "Blood": "Whole Blood",
    "Blood Vessel": "Artery - Tibial",
    "Brain": "Brain - Cortex",
    "Breast": "Breast - Mammary Tissue",
    "Cervix Uteri": "Cervix - Endocervix",  # Ectocervix has the colour of Fallopian Tube
    "Colon": "Colon - Transverse",
    "Esophagus": "Esophagus - Mucosa",
    "Heart": "Heart - Left Ventricle",
    "Kidney": "Kidney - Cortex",
    "Muscle": "Muscle - Skeletal",
    "Nerve": "Nerve - Tibial",
    "Salivary Gland": "Minor Salivary Gland",
    "Skin": "Skin - Sun Exposed (Lower leg)",
    "Small Intestine": "Small Intestine - Terminal Ileum",
}
SINGLE = (
    "Adrenal Gland", "Bladder", "Fallopian Tube", "Liver", "Lung", "Ovary", "Pancreas", "Pituitary", "Prostate",
    "Spleen", "Stomach", "Testis", "Thyroid", "Uterus", "Vagina",
)  # fmt: skip

TISSUES = {
    organ: SUBTISSUES[subtissue]
    for organ, subtissue in sorted((MAIN_SUBTISSUE | {organ: organ for organ in SINGLE}).items())
}
"""By SMTS: the colour of an organ is that of its main part, and no two organs have the same."""
