"""CSV files: what is read, and what each kind of damage is told."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from convexnn import tables
from convexnn.errors import InputError
from convexnn.tables import read_columns


@pytest.fixture
def table_of(tmp_path):
    """Write a file and read it back."""

    def read(content, *columns, **options):
        path = tmp_path / "data.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_columns(path, *columns, **options)

    return read


@pytest.mark.parametrize(
    "content",
    [
        "year,volume\n1871,1120\n1872,1160\n",
        "year;volume\n1871;1120\n1872;1160\n",
        "year\tvolume\n1871\t1120\n1872\t1160\n",
        '"year","volume"\r\n"1871","1120"\r\n"1872","1160"\r\n',
        "\ufeffyear,volume\n1871,1120\n1872,1160",
        "\n year , volume \n\n 1871, 1.12e3 \n1872,+1160\n\n",
    ],
    ids=["comma", "semicolon", "tab", "quotes-crlf", "byte-order-mark", "blanks"],
)
def test_the_same_table_in_many_spellings(table_of, content):
    table = table_of(content)
    np.testing.assert_array_equal(table.x, [1871, 1872])
    np.testing.assert_array_equal(table.y, [1120, 1160])
    assert (table.x_name, table.y_name) == ("year", "volume")
    assert table.n_dropped == 0
    assert table.x.dtype == table.y.dtype == np.float64


def test_without_a_header_columns_are_named_by_number(table_of):
    table = table_of("1,2,3\n4,5,6\n", 3)
    np.testing.assert_array_equal(table.x, [3, 6])
    np.testing.assert_array_equal(table.y, [2, 5])
    assert (table.x_name, table.y_name) == ("3", "2")


def test_a_missing_value_does_not_make_a_header(table_of):
    table = table_of("1,NA\n4,5\n", drop_missing=True)
    np.testing.assert_array_equal(table.y, [5])


@pytest.mark.parametrize("columns", [("c", "a"), (3, 1), ("3", "1"), ("c", 1)])
def test_columns_by_name_and_by_number(table_of, columns):
    table = table_of("a,b,c\n1,2,3\n4,5,6\n", *columns)
    np.testing.assert_array_equal(table.x, [3, 6])
    np.testing.assert_array_equal(table.y, [1, 4])
    assert (table.x_name, table.y_name) == ("c", "a")


@pytest.mark.parametrize("content", ["a,b,a\n1,2,3\n", ",b,\n1,2,3\n", "1,2,3\n"])
def test_the_names_of_a_table_find_its_columns_again(table_of, content):
    table = table_of(content, 3, 2)
    again = table_of(content, table.x_name, table.y_name)
    assert (again.x, again.y) == (table.x, table.y) == ([3], [2])


def test_a_delimiter_inside_quotes_is_not_one(table_of):
    table = table_of('"a, in m";"b, in s"\n1;2\n')
    assert (table.x_name, table.y_name) == ("a, in m", "b, in s")


@pytest.mark.parametrize("marker", ["", "NA", "NaN", "nan", "null", "?", '""'])
def test_missing_values_are_reported_with_their_lines(table_of, marker):
    with pytest.raises(InputError, match=r"'x' or 'y' is missing in 1 of 3 rows \(line 3\).*--drop-missing"):
        table_of(f"x,y\n1,2\n3,{marker}\n5,6\n")


def test_many_missing_values_are_counted_and_the_first_lines_named(table_of):
    with pytest.raises(InputError, match=r"in 8 of 9 rows \(lines 2, 3, 4, 5, 6, \.\.\.\)"):
        table_of("x,y\n" + "?,1\n" * 8 + "1,2\n")


def test_rows_with_missing_values_are_dropped_on_request(table_of):
    table = table_of("x,y\n1,2\n,4\n\n5,NA\n7,8\n", drop_missing=True)
    np.testing.assert_array_equal(table.x, [1, 7])
    np.testing.assert_array_equal(table.y, [2, 8])
    assert table.dropped_lines == (3, 5)
    assert table.n_dropped == 2


def test_what_is_missing_in_other_columns_does_not_matter(table_of):
    assert table_of("x,y,z\n1,2,\n3,4,no\n").n_dropped == 0


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "data.csv is empty"),
        ("\n \n", "data.csv is empty"),
        ("x,y\n", "has no row with both 'x' and 'y'"),
        ("x,y\n,1\n", "has no row with both 'x' and 'y'"),
        ("x,y\n1,2\n3,4,5\n", "the same number of cells, line 1 has 2, line 3 has 3"),
        ("x,y\n1,2\n3\n", "the same number of cells, line 1 has 2, line 3 has 1"),
        ("x,y\n1,2\n3,four\n", "line 3, column 'y': 'four' is not a finite number"),
        ("x,y\n1,2\n1_000,4\n", "line 3, column 'x': '1_000' is not a finite number"),
        ("x;y\n1;2\n3;4,5\n", "line 3, column 'y': '4,5' is not a finite number"),
        ("x,y\n1,2\n3,inf\n", "line 3, column 'y': 'inf' is not a finite number"),
        ("x\n1\n2\n", "has no column 2; it has columns 'x'; its numbers are 1 to 1"),
        ("x,y\n1,2\xff\n".encode("latin-1"), r"is not UTF-8 text \(byte 7\); save it as UTF-8"),
        (b"\x00\x01\x02", r"is not a text file \(byte 0 is 0\); save the table as CSV"),
        ('x,y\n1,"2\n3,4\n', "line 3: unexpected end of data; is a quote missing?"),
    ],
)
def test_a_damaged_file_is_refused_with_the_place(table_of, content, message):
    with pytest.raises(InputError, match=message):
        table_of(content, drop_missing=True)


@pytest.mark.parametrize("column", ["depth", "0", 0, 4, -1, "-1", "1.0", ""])
def test_an_unknown_column_is_refused_with_the_known_ones(table_of, column):
    with pytest.raises(InputError, match=f"has no column {column!r}; it has columns 'a', 'b', 'c'; .* 1 to 3"):
        table_of("a,b,c\n1,2,3\n", column)


def test_of_many_columns_the_first_are_named(table_of):
    names = [f"c{k}" for k in range(1000)]
    with pytest.raises(InputError, match=r"'c18', 'c19', \.\.\.; its numbers are 1 to 1000$"):
        table_of(",".join(names) + "\n" + ",".join("1" * 1000) + "\n", "depth")


def test_a_name_without_a_header_is_refused(table_of):
    with pytest.raises(InputError, match="has no column 'year'; it has no header; its numbers are 1 to 2"):
        table_of("1,2\n", "year")


def test_an_ambiguous_name_is_refused(table_of):
    with pytest.raises(InputError, match=r"has 2 columns named 'a'; choose one by its number \(1 to 3\)"):
        table_of("a,b,a\n1,2,3\n", "a")


def test_one_column_twice_is_refused(table_of):
    with pytest.raises(InputError, match="x and y are both column 'b'"):
        table_of("a,b\n1,2\n", "b")


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"cannot read .*absent\.csv: No such file"):
        read_columns(tmp_path / "absent.csv")
    with pytest.raises(InputError, match=r"cannot read .*: Is a directory"):
        read_columns(tmp_path)


cells = st.sampled_from(["1", "-2.5", "3e-7", " 4 ", '"5"', "", " ", "nan", "inf", "1_0", "0x1", "1,5", '"', "x", "#1"])
lines = st.lists(cells, min_size=1, max_size=3).map(",".join) | st.sampled_from(["", "  ", "x,y", "1,2", "3,4"])
ends = st.sampled_from(["\n", "\r\n", "\r", "\n\n"])


@given(st.lists(st.tuples(lines, ends).map("".join), max_size=4).map("".join))
def test_files_of_numbers_are_read_as_other_files_are(tmp_path_factory, text):
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_bytes(text.encode())

    def outcome():
        try:
            table = read_columns(path)
        except InputError as error:
            return str(error)
        return table.x.tolist(), table.y.tolist(), table.x_name, table.y_name, table.n_dropped

    fast = outcome()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tables, "_read_numbers", lambda *_: None)
        assert outcome() == fast
