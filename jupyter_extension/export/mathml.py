"""Formulas as MathML, which browsers show without a script."""

from __future__ import annotations

import re
from html import escape
from typing import Any

from latex2mathml import converter
from latex2mathml.exceptions import (
    DenominatorNotFoundError,
    DoubleSubscriptsError,
    DoubleSuperscriptsError,
    ExtraLeftOrMissingRightError,
    InvalidAlignmentError,
    InvalidStyleForGenfracError,
    InvalidWidthError,
    LimitsMustFollowMathOperatorError,
    MissingEndError,
    MissingSuperScriptOrSubscriptError,
    NoAvailableTokensError,
    NumeratorNotFoundError,
)
from nbconvert.filters.markdown_mistune import IPythonRenderer

_UNREADABLE = (
    DenominatorNotFoundError,
    DoubleSubscriptsError,
    DoubleSuperscriptsError,
    ExtraLeftOrMissingRightError,
    InvalidAlignmentError,
    InvalidStyleForGenfracError,
    InvalidWidthError,
    LimitsMustFollowMathOperatorError,
    MissingEndError,
    MissingSuperScriptOrSubscriptError,
    NoAvailableTokensError,
    NumeratorNotFoundError,
)
# What a formula in an output may stand in.
_DELIMITED = re.compile(
    r"\$\$(?P<block>.+?)\$\$|\\\[(?P<bracket>.+?)\\\]|\$(?P<inline>[^$]+?)\$|\\\((?P<paren>.+?)\\\)"
    r"|(?P<whole>\\begin\{(?P<name>[a-z]+\*?)\}.+?\\end\{(?P=name)\})",
    re.DOTALL,
)


def inline(formula: str) -> str:
    return _converted(formula, "inline")


def block(formula: str) -> str:
    return _converted(formula, "block")


def _converted(formula: str, display: Any) -> str:
    """The formula, or its source if it is beyond the converter."""
    try:
        return converter.convert(formula, display=display)
    except (*_UNREADABLE, IndexError, KeyError, ValueError, AttributeError, TypeError):
        return f'<code class="reactive-formula">{escape(formula)}</code>'


def of_output(latex: str) -> str:
    """An output of type `text/latex`, text and formulas."""
    pieces: list[str] = []
    end = 0
    for match in _DELIMITED.finditer(latex):
        pieces.append(escape(latex[end : match.start()]))
        formula = match["inline"] or match["paren"]
        pieces.append(inline(formula) if formula else block(_block_in(match)))
        end = match.end()
    return "".join([*pieces, escape(latex[end:])])


def _block_in(match: re.Match[str]) -> str:
    return match["block"] or match["bracket"] or match["whole"]


class Renderer(IPythonRenderer):
    """Markdown as nbconvert renders it, but for formulas."""

    def block_math(self, body: str) -> str:
        return block(body)

    def inline_math(self, body: str) -> str:
        return inline(body)

    def multiline_math(self, text: str) -> str:
        return of_output(text)

    def latex_environment(self, name: str, body: str) -> str:
        return block(f"\\begin{{{name}}}{body}\\end{{{name}}}")
