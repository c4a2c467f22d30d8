"""Which insulin a concept names, from codes and printed names."""

import pytest

from fhir_mappers.code_tables import read_table
from fhir_mappers.insulin_products import KINDS, product_of
from models.patient_record import InsulinKind

RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
NDC = "http://hl7.org/fhir/sid/ndc"
ROWS = read_table("insulin_products.csv")


def rxnorm(code: str, display: str = "", text: str = "") -> dict:
    coding = {"system": RXNORM, "code": code} | ({"display": display} if display else {})
    return {"coding": [coding]} | ({"text": text} if text else {})


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["rxcui"])
def test_every_rxnorm_code_and_its_printed_name_give_the_same_product(row):
    by_code, by_name = product_of(rxnorm(row["rxcui"])), product_of({"text": row["rxnorm_name"]})
    assert by_code == by_name
    assert by_code.ingredient == row["ingredient"]
    assert by_code.kind == KINDS[row["action"]]
    assert by_code.units_per_ml == (float(row["units_per_ml"]) if row["units_per_ml"] else None)


@pytest.mark.parametrize(
    ("code", "ingredient", "kind"),
    [
        ("311040", "aspart", InsulinKind.RAPID),
        ("311041", "glargine", InsulinKind.LONG),
        ("311048", "isophane+regular", InsulinKind.PREMIX),
    ],
)
def test_codes_that_differ_by_one_digit_are_told_apart(code, ingredient, kind):
    product = product_of(rxnorm(code))
    assert (product.ingredient, product.kind) == (ingredient, kind)


@pytest.mark.parametrize(
    ("code", "printed"),
    [
        ("847230", "insulin lispro 100 UNT/ML Pen Injector"),
        ("311040", "insulin glargine"),
        ("1604539", "Lantus U-100"),
    ],
)
def test_a_code_whose_printed_name_says_another_insulin_names_none(code, printed):
    product = product_of(rxnorm(code, display=printed))
    assert (product.ingredient, product.kind, product.units_per_ml) == (None, None, None)


def test_two_codes_of_different_strength_leave_the_product_unknown():
    concept = {"coding": [*rxnorm("311041")["coding"], *rxnorm("1604539")["coding"]]}
    assert product_of(concept).units_per_ml is None


@pytest.mark.parametrize(
    ("printed", "ingredient", "units_per_ml"),
    [
        ("3 ML insulin glargine 100 UNT/ML Pen Injector [Lantus]", "glargine", 100.0),
        ("Lantus SoloStar 100 units/mL (3 mL)", "glargine", 100.0),
        ("Toujeo Max 300 unit/mL", "glargine", 300.0),
        ("insulin NPH isoph U-100 human (HumuLIN N) 100 unit/mL", "isophane", 100.0),
        ("insulin aspart 300 units/3 mL", "aspart", 100.0),
        ("Insulin glargine 100 units per mL", "glargine", 100.0),
        ("HumuLIN R U-500", "regular", 500.0),
        ("Humalog Mix 75/25 100 units/mL", "lispro protamine+lispro", 100.0),
    ],
)
def test_a_brand_code_or_ndc_is_read_by_ingredient_and_strength_as_printed(printed, ingredient, units_per_ml):
    product = product_of({"coding": [{"system": NDC, "code": "0088-5021", "display": printed}]})
    assert (product.ingredient, product.units_per_ml) == (ingredient, units_per_ml)


@pytest.mark.spec("H-04")
@pytest.mark.parametrize(
    "printed",
    ["Lantus", "insulin glargine pen", "insulin regular 1,000 units/10 mL", "insulin lispro U-100 or U-200"],
)
def test_H04_a_name_without_one_clear_strength_is_never_assumed_to_be_u100(printed):
    assert product_of({"text": printed}).units_per_ml is None


@pytest.mark.parametrize(
    "printed", ["Insulin 100 units/mL", "Ryzodeg 100 units/mL", "insulin icodec 700 units/mL"]
)
def test_an_insulin_outside_the_table_has_no_ingredient(printed):
    product = product_of({"text": printed})
    assert (product.ingredient, product.kind) == (None, None)


@pytest.mark.parametrize(
    "printed",
    [
        "Insulin pen needle 32G x 4 mm", "insulin syringe U-100 1 mL", "mecasermin (insulin-like growth factor)",
        "Tylenol regular strength", "liraglutide 6 MG/ML", "metformin 500 MG", "protamine sulfate 10 MG/ML",
    ],
)  # fmt: skip
def test_supplies_and_other_drugs_are_no_insulin(printed):
    assert product_of({"text": printed}) is None


def test_class_codes_give_the_action_and_never_a_concentration():
    long_acting = product_of({"coding": [{"system": "http://snomed.info/sct", "code": "25305005"}]})
    assert (long_acting.kind, long_acting.ingredient, long_acting.units_per_ml) == (
        InsulinKind.LONG,
        None,
        None,
    )
    atc = product_of({"coding": [{"system": "urn:oid:2.16.840.1.113883.6.73", "code": "A10AE04"}]})
    assert (atc.kind, atc.ingredient, atc.units_per_ml) == (InsulinKind.LONG, "glargine", None)


def test_a_short_acting_class_code_does_not_contradict_a_rapid_product():
    snomed = {"system": "http://snomed.info/sct", "code": "411531001"}
    assert product_of({"coding": [snomed], "text": "insulin aspart 100 UNT/ML"}).kind is InsulinKind.RAPID


@pytest.mark.parametrize(
    "concept", [None, {}, {"coding": None}, {"text": 5}, {"coding": [None, {"code": 3}]}, []]
)
def test_a_concept_of_another_shape_is_no_insulin(concept):
    assert product_of(concept) is None


@pytest.mark.parametrize(
    ("printed", "brand"),
    [
        ("Lantus SoloStar 100 units/mL", "lantus"),
        ("insulin glargine-yfgn 100 UNT/ML", "semglee"),
        ("insulin glargine-aglr 100 UNT/ML", "rezvoglar"),
        ("insulin lispro-aabc 100 UNT/ML", "lyumjev"),
        ("Basaglar KwikPen", "basaglar"),
        ("insulin glargine 100 UNT/ML", None),
        ("Humalog or Admelog", None),
    ],
)
def test_a_brand_is_known_by_its_name_or_by_the_suffix_of_a_biosimilar(printed, brand):
    assert product_of({"text": printed}).brand == brand


@pytest.mark.spec("H-05")
@pytest.mark.parametrize(
    ("concept", "said"),
    [
        (rxnorm("311041", text="metformin 500 mg oral tablet"), "metformin 500 mg oral tablet"),
        (
            {
                "coding": [
                    *rxnorm("311041")["coding"],
                    {"system": "http://www.whocc.no/atc", "code": "A10BA02", "display": "metformin"},
                ]
            },
            "metformin",
        ),
        (
            {"coding": [*rxnorm("311041")["coding"], *rxnorm("8640", display="prednisone")["coding"]]},
            "prednisone",
        ),
        (rxnorm("311041", text="insulin lispro 100 units/mL"), "insulin lispro 100 units/mL"),
        (rxnorm("311041", text="Toujeo 300 units/mL"), "insulin glargine 300 units/mL"),
    ],
)
def test_H05_a_concept_that_names_two_drugs_is_no_product_and_both_are_kept(concept, said):
    product = product_of(concept)
    assert (product.ingredient, product.kind, product.units_per_ml) == (None, None, None)
    assert product.contradictory == ("insulin glargine 100 units/mL", said)


@pytest.mark.parametrize("code", ["A10", "A10A", "A10AE", "A10AE04"])
def test_a_wider_atc_class_is_not_another_drug(code):
    concept = {
        "coding": [{"system": "http://www.whocc.no/atc", "code": code}],
        "text": "insulin glargine",
    }
    assert product_of(concept).ingredient == "glargine"
