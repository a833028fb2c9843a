from sentiment.evaluation.many_classes import names_shown, rows_shown


def test_a_table_has_the_classes_with_the_lowest_f1() -> None:
    classes = {f"{number}": {"f1": 1 - number / 1000} for number in range(1000)}
    rows, note = rows_shown(classes)
    assert list(rows) == [f"{number}" for number in range(999, 959, -1)]
    assert note == "The 40 of 1,000 classes with the lowest F1; the metrics as JSON have all."
    few = {"b": {"f1": 0.5}, "a": {"f1": 0.1}}
    assert rows_shown(few) == (few, "")
    assert list(rows_shown(few)[0]) == ["b", "a"]


def test_a_sentence_names_twenty() -> None:
    assert names_shown([str(number) for number in range(23)]).endswith("18, 19 and 3 more")
    assert names_shown([str(number) for number in range(20)]).endswith("18, 19")
