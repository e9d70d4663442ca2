"""Bad input to the Python API: each kind is refused with a message that says what was given and what is allowed."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

import convexnn as cnn
from convexnn.errors import ConvexNNError, InfeasibleError, InputError, NotConvergedError
from convexnn.tables import read_columns

X = np.arange(5.0)
Y = np.array([0.0, 1.0, 0.0, 2.0, 1.0])
RELU = cnn.Architecture("relu")


def problem(x=X, y=Y, beta=0.1, architecture=RELU, **options):
    """A sound problem, up to what the test replaces."""
    return cnn.Problem(x, y, beta, architecture, **options)


@pytest.fixture(scope="module")
def network():
    return cnn.solve(problem()).network()


@pytest.mark.parametrize("error", [InputError, InfeasibleError, NotConvergedError])
def test_one_base_class_catches_every_error(error):
    assert issubclass(error, ConvexNNError)


def test_an_input_error_is_a_value_error():
    assert issubclass(InputError, ValueError)


VECTORS = [
    pytest.param([0, 1, np.nan, 3, 4], r"must be finite, got nan at row 2 \(1 of 5 rows\)", id="nan"),
    pytest.param([0, np.inf, 2, -np.inf, 4], r"must be finite, got inf at row 1 \(2 of 5 rows\)", id="infinity"),
    pytest.param(
        np.array([0, 1, 2, 3, "1e4000"], dtype=np.longdouble), r"must be finite, got inf at row 4", id="no float64"
    ),
    pytest.param([], "is empty; at least one sample is needed", id="empty"),
    pytest.param(np.zeros((5, 1)), r"must be one-dimensional .* got shape \(5, 1\); pass one column", id="2-D"),
    pytest.param(3.0, r"must be one-dimensional .* got shape \(\)", id="scalar"),
    pytest.param(list("abcde"), "must hold real numbers, got dtype <U1", id="text"),
    pytest.param(X + 1j, "must hold real numbers, got dtype complex128", id="complex"),
    pytest.param([None] * 5, "must hold real numbers, got dtype object", id="objects"),
    pytest.param(np.ma.array(X, mask=X > 3), "has masked entries; drop them", id="masked"),
    pytest.param([[1.0], [1.0, 2.0]], "must hold real numbers in one dimension, got a ragged sequence", id="ragged"),
]


@pytest.mark.parametrize(("values", "message"), VECTORS)
@pytest.mark.parametrize("name", ["x", "y", "sample_weight"])
def test_an_array_of_a_problem(name, values, message):
    with pytest.raises(InputError, match=f"^{name} {message}"):
        problem(**{name: values})


@pytest.mark.parametrize(("values", "message"), VECTORS)
def test_an_array_elsewhere(network, values, message):
    for call in (network, cnn.solve(problem()).predict, lambda x: cnn.dictionary(x, RELU)):
        with pytest.raises(InputError, match=f"^x {message}"):
            call(values)
    with pytest.raises(InputError, match=f"^x_new {message}"):
        problem().dictionary.matrix(values)
    with pytest.raises(InputError, match=f"^r {message}"):
        problem().dictionary.max_correlation(values)


@pytest.mark.parametrize("name", ["y", "sample_weight"])
def test_mismatched_lengths(name):
    with pytest.raises(InputError, match=f"{name} and x must have the same length, got 4 and 5"):
        problem(**{name: np.ones(4)})


def test_mismatched_lengths_elsewhere(network):
    with pytest.raises(InputError, match="r and x must have the same length, got 4 and 5"):
        problem().dictionary.correlations(np.ones(4))
    with pytest.raises(InputError, match="prediction and x must have the same length, got 4 and 5"):
        problem().objective(np.ones(4), [1.0])
    with pytest.raises(InputError, match="y and x must have the same length, got 4 and 5"):
        cnn.certify(network, X, Y[:4], 1.0)
    with pytest.raises(InputError, match="y and x must have the same length, got 4 and 5"):
        network.objective(X, Y[:4], 1.0)


BETAS = [
    pytest.param(0, "beta must be positive, got 0.0", id="zero"),
    pytest.param(-1.5, "beta must be positive, got -1.5", id="negative"),
    pytest.param(np.nan, "beta must be finite, got nan", id="nan"),
    pytest.param(np.inf, "beta must be finite, got inf", id="infinity"),
    pytest.param("1", "beta must be a real number, got '1'", id="text"),
    pytest.param(True, "beta must be a real number, got True", id="bool"),
    pytest.param(None, "beta must be a real number, got None", id="none"),
    pytest.param([1.0, 2.0], r"beta must be a real number, got \[1.0, 2.0\]", id="list"),
]


@pytest.mark.parametrize(("beta", "message"), BETAS)
def test_beta(network, beta, message):
    for call in (
        lambda: problem(beta=beta),
        lambda: network.penalty(beta),
        lambda: network.objective(X, Y, beta),
        lambda: cnn.certify(network, X, Y, beta),
    ):
        with pytest.raises(InputError, match=message):
            call()


def test_targets_whose_loss_overflows():
    with pytest.raises(InputError, match=r"overflows float64 \(their range is 2e\+200\); rescale y"):
        problem(y=1e200 * Y)
    problem(y=1e200 * Y, loss="absolute")


def test_inputs_whose_range_overflows():
    with pytest.raises(InputError, match="the range of x overflows float64; rescale x"):
        problem(x=[-1.7e308, 0, 1, 2, 1.7e308])


def test_negative_weights():
    with pytest.raises(InputError, match=r"sample_weight must be nonnegative, got -0.5 at row 2"):
        problem(sample_weight=[1, 0, -0.5, 1, -1])


def test_weights_that_are_all_zero():
    with pytest.raises(InputError, match="sample_weight must not be zero everywhere"):
        problem(sample_weight=np.zeros(5))


def test_logistic_labels_0_and_1():
    with pytest.raises(
        InputError, match=r"needs labels -1 and \+1, got values \{0.0, 1.0\} \(first at row 1\); pass 2 \* y - 1"
    ):
        problem(y=[1, 0, 1, 1, 0], loss="logistic")


def test_logistic_labels_that_are_no_labels():
    with pytest.raises(InputError, match=r"got values \{-1.0, 0.0, 1.0, 2.5, ...\} \(first at row 2\)$"):
        problem(y=[1, -1, 2.5, 0, 7], loss="logistic")


@pytest.mark.parametrize(("label", "shown"), [(1, r"\+1"), (-1, "-1")])
def test_logistic_labels_of_one_class(label, shown):
    with pytest.raises(InputError, match=f"needs both classes, got only label {shown}: the best intercept is infinite"):
        problem(y=np.full(5, label), loss="logistic")


def test_logistic_labels_of_one_class_where_the_weights_are_not_zero():
    with pytest.raises(InputError, match=r"needs both classes, got only label \+1"):
        problem(y=[1, 1, 1, 1, -1], sample_weight=[1, 1, 1, 1, 0], loss="logistic")


@pytest.mark.parametrize("given", ["gelu", "ReLU", "", None, 3, ["relu"]])
def test_an_unknown_activation_names_the_known_ones(given):
    message = f"unknown activation {given!r}; known: 'relu', 'leaky_relu', 'absolute', 'sign', 'threshold'"
    with pytest.raises(InputError, match=re.escape(message)):
        cnn.Architecture(given)


@pytest.mark.parametrize(
    ("pieces", "message"),
    [
        (("gelu", 0.0, 1.0), "unknown activation 'gelu'; known: 'relu', 'leaky_relu', 'absolute', 'sign', 'threshold'"),
        (("relu", -1.0, 1.0), "relu has left, right, is_step = (0.0, 1.0, False), got (-1.0, 1.0, False)"),
        (("absolute", 0.0, 1.0), "absolute has left, right, is_step = (-1.0, 1.0, False), got (0.0, 1.0, False)"),
        (("sign", -1.0, 1.0, False), "sign has left, right, is_step = (-1.0, 1.0, True), got (-1.0, 1.0, False)"),
        (("leaky_relu", 0.1, 1.0, True), "leaky_relu has left, right, is_step"),
        (("leaky_relu", "0", 1.0), "left must be a real number, got '0'"),
    ],
)
def test_an_activation_whose_name_does_not_fit(pieces, message):
    # A theorem holds for a function, not for its name: under a false one the certificate would be false.
    with pytest.raises(InputError, match=re.escape(message)):
        cnn.Activation(*pieces)


def test_a_leaky_relu_without_a_kink():
    with pytest.raises(InputError, match=r"needs two different pieces, got 1\.0 on both sides"):
        cnn.leaky_relu(1.0)


def test_a_leaky_relu_with_a_slope_that_is_not_finite():
    with pytest.raises(InputError, match="must be finite, got nan"):
        cnn.leaky_relu(np.nan)


@pytest.mark.parametrize("depth", [1, 0, -2, 2.5, "3", None, True])
def test_depth(depth):
    with pytest.raises(InputError, match=f"depth must be an integer >= 2, got {depth!r}"):
        cnn.Architecture("relu", depth)


def test_an_unknown_form_names_the_known_ones():
    message = "unknown form 'wide'; known: 'narrow', 'symmetrized', 'parallel', 'rectangular', 'tree'"
    with pytest.raises(InputError, match=message):
        cnn.Architecture("relu", form="wide")


@pytest.mark.parametrize("widths", [2, "2", None])
def test_widths_that_are_no_sequence(widths):
    with pytest.raises(InputError, match=rf"widths must be a tuple of integers such as \(3, 2\), got {widths!r}"):
        cnn.Architecture("sign", 3, form="tree", widths=widths)


@pytest.mark.parametrize("width", [0, -1, 2.0, "2", None])
def test_a_width_that_is_no_positive_integer(width):
    with pytest.raises(InputError, match=f"widths must be an integer >= 1, got {width!r}"):
        cnn.Architecture("sign", 3, form="tree", widths=(width,))


@pytest.mark.parametrize(
    ("activation", "depth", "options", "message"),
    [
        (
            "leaky_relu",
            3,
            {},
            "not covered: no finite dictionary is known for leaky ReLU units of depth >= 3; use depth=2",
        ),
        (
            "leaky_relu",
            3,
            {"form": "parallel", "widths": (2,)},
            "not covered: no finite dictionary is known for leaky ReLU",
        ),
        ("relu", 2, {"form": "symmetrized"}, 'form "symmetrized" is not covered: this form needs relu and depth 3'),
        ("relu", 4, {"form": "symmetrized"}, 'form "symmetrized" is not covered: this form needs relu and depth 3'),
        ("absolute", 3, {"form": "symmetrized"}, 'form "symmetrized" is not covered: this form needs relu and depth 3'),
        ("sign", 3, {"widths": (2,)}, 'form "narrow" has one neuron a layer; leave widths empty'),
        ("relu", 3, {"widths": (2,)}, 'form "narrow" has one neuron a layer; leave widths empty'),
        ("relu", 3, {"form": "symmetrized", "widths": (2,)}, 'form "symmetrized" has one neuron a layer; leave widths'),
        ("relu", 3, {"form": "parallel", "widths": (2,)}, 'not covered: wide ReLU units .* use form="narrow"'),
        ("relu", 3, {"form": "tree", "widths": (2,)}, 'not covered: wide ReLU units .* use form="narrow"'),
        (
            "absolute",
            3,
            {"form": "rectangular", "widths": (2,)},
            'not covered: wide absolute-value units .* use form="narrow"',
        ),
        ("sign", 4, {"form": "tree", "widths": (2,)}, r"needs .* depth - 2 widths, got depth 4 and widths \(2,\)"),
        ("sign", 3, {"form": "tree", "widths": (2, 2)}, r"needs .* depth - 2 widths, got depth 3 and widths \(2, 2\)"),
        ("threshold", 4, {"form": "parallel"}, r"needs .* depth - 2 widths, got depth 4 and widths \(\)"),
        ("sign", 2, {"form": "rectangular"}, r"needs depth >= 3 .* got depth 2"),
        (
            "sign",
            4,
            {"form": "rectangular", "widths": (2, 3)},
            'form "rectangular" has equal widths; use form="parallel"',
        ),
    ],
)
def test_an_architecture_that_is_not_covered(activation, depth, options, message):
    with pytest.raises(InputError, match=f"^architecture {activation}.*{message}"):
        cnn.Architecture(activation, depth, **options)


def test_a_name_for_an_architecture():
    for call in (lambda: problem(architecture="relu"), lambda: cnn.dictionary(X, "relu")):
        with pytest.raises(InputError, match=r'must be an Architecture, got \'relu\'; try Architecture\("relu"\)'):
            call()


def test_an_unknown_listing():
    with pytest.raises(InputError, match="unknown listing 'full'; known: 'minimal', 'published'"):
        cnn.dictionary(X, RELU, listing="full")


@pytest.mark.parametrize(
    "architecture", [cnn.Architecture("sign"), cnn.Architecture("relu", 5), cnn.Architecture("absolute", 3)]
)
def test_a_listing_that_was_not_published(architecture):
    with pytest.raises(InputError, match=r'depth 2, 3 and 4, got .*; use listing="minimal"'):
        cnn.dictionary(X, architecture, listing="published")


def test_a_feature_that_is_not_listed():
    with pytest.raises(InputError, match=r"index must lie in \[0, 7\), got 7"):
        problem().dictionary.evaluate(X, [0, 7])
    with pytest.raises(InputError, match="index must hold integers, got dtype float64"):
        problem().dictionary.evaluate(X, [0.5])
    with pytest.raises(IndexError, match="feature 7 of 7"):
        problem().dictionary[7]


def test_a_matrix_that_does_not_fit_in_memory():
    ramps = cnn.dictionary(np.arange(3000.0), cnn.Architecture("relu", 3))
    # 3000 rows of 3000 * 2999 / 2 columns, 8 bytes each
    with pytest.raises(InputError, match=r"would have 4.5e\+06 columns \(100.5 GiB\); call \.max_correlation or solve"):
        ramps.matrix()


def test_correlations_that_do_not_fit_in_memory():
    ramps = cnn.dictionary(np.arange(1e5), cnn.Architecture("relu", 3))
    with pytest.raises(InputError, match=r"would have 5e\+09 columns \(37.3 GiB\); call \.max_correlation"):
        ramps.correlations(np.ones(100_000))


def test_kink_systems_that_are_too_many():
    # C(300 * 7, 3) systems of three equations
    with pytest.raises(InputError, match=r"needs 1.5e\+09 kink systems, more than 2e\+07; use fewer inputs or depth 3"):
        len(cnn.dictionary(np.arange(300.0), cnn.Architecture("absolute", 4)))


@pytest.mark.parametrize("given", ["hinge", "Squared", None, 2, cnn.losses.Squared])
def test_an_unknown_loss_names_the_known_ones(network, given):
    message = f"unknown loss {given!r}; known: 'squared', 'absolute', 'huber', 'quantile', 'logistic'"
    for call in (lambda: problem(loss=given), lambda: network.objective(X, Y, 1.0, loss=given)):
        with pytest.raises(InputError, match=re.escape(message)):
            call()


@pytest.mark.parametrize("tau", [0.0, 1.0, -0.1, 2.0])
def test_a_quantile_outside_0_and_1(tau):
    with pytest.raises(InputError, match=f"tau must lie strictly between 0 and 1, got {tau}"):
        cnn.losses.Quantile(tau)


def test_a_quantile_that_is_not_a_number():
    with pytest.raises(InputError, match="tau must be finite, got nan"):
        cnn.losses.Quantile(np.nan)


@pytest.mark.parametrize("delta", [0.0, -1.0])
def test_a_huber_loss_without_a_quadratic_part(delta):
    with pytest.raises(InputError, match=f"delta must be positive, got {delta}"):
        cnn.losses.Huber(delta)


def test_a_huber_loss_without_a_linear_part():
    with pytest.raises(InputError, match="delta must be finite, got inf"):
        cnn.losses.Huber(np.inf)


def test_interpolation_of_two_targets_at_one_input():
    with pytest.raises(InfeasibleError, match=r"one target an input, got y = 3.0 and 5.0 at x = 1.0 \(rows 3, 1\)"):
        problem(x=[0, 1, 2, 1], y=[0, 5, 1, 3], loss="interpolation")


def test_interpolation_with_weights():
    with pytest.raises(InputError, match="has no weights: every target is met exactly; leave out sample_weight"):
        problem(sample_weight=np.ones(5), loss="interpolation")


def test_an_unknown_solver_names_the_known_ones():
    known = "'auto', 'slopes', 'levels', 'columns', 'conic'"
    with pytest.raises(InputError, match=f"unknown solver 'newton'; known: {known}"):
        cnn.solve(problem(), solver="newton")


def test_a_solver_that_does_not_suit():
    with pytest.raises(InputError, match='starts from a constant, which does not interpolate; use solver="conic"'):
        cnn.solve(problem(loss="interpolation"), solver="columns")


def test_a_dictionary_too_large_for_the_reference_solver():
    x = np.arange(3000.0)
    large = problem(x=x, y=x % 2, architecture=cnn.Architecture("absolute", 3))
    # N (3 N - 1) / 2 features
    with pytest.raises(
        InputError, match=r'form 1.3e\+07 features of absolute, depth 3 .* use solver="columns" or fewer'
    ):
        cnn.solve(large, solver="conic")


def test_an_unknown_reaction_to_failure():
    with pytest.raises(InputError, match="unknown on_failure 'panic'; known: 'warn', 'raise', 'ignore'"):
        cnn.solve(problem(), on_failure="panic")


@pytest.mark.parametrize(
    ("tol", "message"),
    [
        (0, "positive, got 0.0"),
        (-1e-6, "positive, got -1e-06"),
        (np.nan, "finite, got nan"),
        ("tight", "a real number"),
    ],
)
def test_tolerance(tol, message):
    with pytest.raises(InputError, match=f"tol must be {message}"):
        cnn.solve(problem(), tol=tol)


def test_solving_something_else():
    with pytest.raises(InputError, match="solve takes a Problem, got tuple"):
        cnn.solve((X, Y))


@pytest.mark.parametrize("given", ["model.json", None, {"format": "convexnn network 1"}, np.sin])
def test_certifying_something_else(given):
    message = f"certify takes a convexnn Network, got {type(given).__name__}; Network.from_torch converts"
    with pytest.raises(InputError, match=message):
        cnn.certify(given, X, Y, 1.0)


def test_a_missing_table(tmp_path):
    with pytest.raises(InputError, match=r"cannot read .*absent\.csv: No such file or directory"):
        read_columns(tmp_path / "absent.csv")


def test_a_missing_column(tmp_path):
    path = tmp_path / "data.csv"
    path.write_text("year,volume\n1871,1120\n")
    with pytest.raises(
        InputError, match=r"data\.csv has no column 'flow'; it has columns 'year', 'volume'; its numbers are 1 to 2"
    ):
        read_columns(path, "year", "flow")


def test_a_missing_model_file(tmp_path):
    with pytest.raises(InputError, match=r"cannot read .*absent\.json: No such file or directory"):
        cnn.Network.load(tmp_path / "absent.json")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"model\.json is not a JSON file"),
        (b"{'alpha': 1}", r"model\.json is not a JSON file"),
        (b'{"format": "convexnn netw', r"model\.json is not a JSON file"),
        (b"\xff\xfe\x00", r"model\.json is not a JSON file"),
        (100_000 * b"[", r"model\.json is not a JSON file"),
        (b"{}", 'not a convexnn network: the key "format" must be "convexnn network 1"'),
        (b"[1, 2]", 'not a convexnn network: the key "format" must be "convexnn network 1"'),
        (b'{"format": "convexnn network 0"}', 'not a convexnn network: the key "format" must be "convexnn network 1"'),
    ],
    ids=["empty", "not-json", "cut-off", "binary", "too-deep", "no-format", "no-object", "other-format"],
)
def test_a_model_file_that_is_none(tmp_path, content, message):
    path = tmp_path / "model.json"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        cnn.Network.load(path)


@pytest.fixture
def load_with(tmp_path, network):
    """Load a model file in which keys have other values; None removes the key."""

    def load(**changes):
        record = {**network.to_dict(), **changes}
        path = tmp_path / "model.json"
        path.write_text(
            json.dumps({key: value for key, value in record.items() if value is not None or key == "amplitude"})
        )
        return cnn.Network.load(path)

    return load


def test_a_sound_model_file(load_with, network):
    np.testing.assert_array_equal(load_with()(X), network(X))


@pytest.mark.parametrize("key", ["architecture", "layers", "alpha", "intercept"])
def test_a_model_file_that_misses_a_key(load_with, key):
    with pytest.raises(InputError, match=f"description is damaged: it has no key '{key}'"):
        load_with(**{key: None})


@pytest.mark.parametrize(
    "changes",
    [
        {"layers": []},
        {"layers": ["first"]},
        {"layers": [{"weights": [[[1.0]]], "biases": [[1.0]]}]},
        {"alpha": [1.0]},
        {"alpha": 1.0},
        {"alpha": [[1.0]] * 4},
        {"alpha": [10**400] * 4},
        {"alpha": "many"},
        {"amplitude": [1.0]},
        {"intercept": "high"},
        {"architecture": ["relu", 2]},
        {"architecture": {"activation": "relu", "depth": 2, "form": "narrow", "widths": []}},
    ],
    ids=lambda changes: f"{next(iter(changes))}={next(iter(changes.values()))}"[:40],
)
def test_a_model_file_of_wrong_shapes(load_with, network, changes):
    assert network.n_units > 1
    with pytest.raises(InputError, match="description is damaged"):
        load_with(**changes)


def test_an_amplitude_of_another_shape():
    record = cnn.solve(problem(architecture=cnn.Architecture("sign"))).network().to_dict()
    units = len(record["alpha"])
    with pytest.raises(InputError, match=rf"must have shape \({units},\), one entry a unit, got \({units}, 1\)"):
        cnn.Network.from_dict({**record, "amplitude": [[1.0]] * units})
    with pytest.raises(InputError, match="need an amplitude for every unit"):
        cnn.Network.from_dict({**record, "amplitude": None})


def test_a_model_file_with_weights_that_are_not_numbers(load_with, network):
    layer = network.to_dict()["layers"][0]
    for changes in (
        {"alpha": [np.nan] * network.n_units},
        {"layers": [{**layer, "biases": [[np.inf]] * network.n_units}]},
        {"layers": [{**layer, "weights": [[[np.nan]]] * network.n_units}]},
    ):
        with pytest.raises(InputError, match="all weights and biases must be finite"):
            load_with(**changes)
    with pytest.raises(InputError, match="intercept must be finite, got nan"):
        load_with(intercept=np.nan)


def test_a_model_file_of_an_architecture_that_is_not_covered(load_with, network):
    architecture = network.architecture.to_dict()
    with pytest.raises(InputError, match="depth must be an integer >= 2, got 1"):
        load_with(architecture={**architecture, "depth": 1})
    with pytest.raises(InputError, match="relu has left, right, is_step"):
        load_with(architecture={**architecture, "activation": {**architecture["activation"], "left": 0.5}})
    with pytest.raises(InputError, match="wide ReLU units of depth >= 3"):
        load_with(architecture={**architecture, "depth": 3, "form": "parallel", "widths": [2]})


def test_a_place_where_no_model_can_be_written(tmp_path, network):
    with pytest.raises(InputError, match=r"cannot write .*model\.json: No such file or directory"):
        network.save(tmp_path / "absent" / "model.json")
