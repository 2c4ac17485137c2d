"""The expressions of system calls, and the token stream they are read from."""

from __future__ import annotations

from typing import Final

from emulator.tcp.drill.errors import ScriptError
from emulator.tcp.drill.lexer import Token
from emulator.tcp.drill.script import Applied, Union, Value, Word

DEEPEST: Final = 20
"""How deep brackets may nest."""


class Expressions:
    """A reader of tokens that knows expressions."""

    def __init__(self, found: list[Token], text: str) -> None:
        self.tokens: list[Token] = found
        self.text: str = text
        self.at: int = 0
        self.depth: int = 0
        self.defines: dict[str, list[Token]] = {}

    # -- tokens -------------------------------------------------------------------------------------------------

    @property
    def token(self) -> Token:
        """The next token, with symbols of ``--define`` replaced by their meaning."""
        token = self.tokens[self.at]
        if token.kind == "word" and token.text in self.defines:
            meaning = self.defines[token.text]
            self.tokens[self.at : self.at + 1] = [
                Token(part.kind, part.text, token.place, token.start, token.end)
                for part in meaning
                if part.text != token.text
            ]
            token = self.tokens[self.at]
        return token

    def advance(self) -> Token:
        """Return the next token and go behind it."""
        token = self.token
        if token.kind != "end":
            self.at += 1
        return token

    def taken(self, text: str) -> bool:
        """Go behind the next token if it is ``text``; say whether it was."""
        if self.token.text == text and self.token.kind != "string":
            self.at += 1
            return True
        return False

    def expect(self, text: str) -> None:
        """Go behind ``text``."""
        token = self.token
        if not self.taken(text):
            raise ScriptError(token.place, f"expected {text!r}, not {token.text!r}")

    def number(self, least: int, most: int) -> int:
        """Read an integer between two limits."""
        token = self.advance()
        if token.kind not in {"integer", "hexadecimal"}:
            raise ScriptError(token.place, f"expected a number, not {token.text!r}")
        value = int(token.text, 0) if token.kind == "hexadecimal" else int(token.text)
        if not least <= value <= most:
            raise ScriptError(token.place, f"{value} is not between {least} and {most}")
        return value

    # -- expressions --------------------------------------------------------------------------------------------

    def expressions(self, closing: str) -> list[Value]:
        """Read expressions separated by commas, and ``closing``."""
        found: list[Value] = []
        if self.taken(closing):
            return found
        while True:
            found.append(self.expression())
            if not self.taken(","):
                break
        self.expect(closing)
        return found

    def expression(self) -> Value:
        """Read an expression: terms joined by ``|``."""
        self.depth += 1
        if self.depth > DEEPEST:
            raise ScriptError(self.token.place, f"brackets nest deeper than {DEEPEST}")
        parts = [self.term()]
        while self.taken("|"):
            parts.append(self.term())
        self.depth -= 1
        return parts[0] if len(parts) == 1 else Union(tuple(parts))

    def term(self) -> Value:
        """Read a number, a symbol, a quotation, an array, a structure or an application."""
        token = self.advance()
        if token.kind == "ellipsis":
            return ...
        if token.kind == "integer":
            return int(token.text)
        if token.kind == "hexadecimal":
            return int(token.text, 16)
        if token.kind == "float":
            return float(token.text)
        if token.kind == "string":
            text = token.text[1:-1]
            while self.token.kind == "string":  # neighbours are one
                text += self.advance().text[1:-1]
            if self.token.kind == "ellipsis":
                self.advance()
            return text
        if token.kind == "word":
            if self.taken("("):
                return Applied(token.text, tuple(self.expressions(")")))
            return Word(token.text)
        if token.kind == "mark" and token.text == "[":
            return self.expressions("]")
        if token.kind == "mark" and token.text == "{":
            return self.structure()
        raise ScriptError(token.place, f"expected an expression, not {token.text!r}")

    def structure(self) -> Value:
        """Read ``{name=value, ...}`` as a dict, or ``{value, ...}`` as a list, behind the brace."""
        fields: dict[str, Value] = {}
        items: list[Value] = []
        while not self.taken("}"):
            value = self.expression()
            if self.taken("="):
                name = value.name if isinstance(value, Applied) else value
                if not isinstance(name, str):
                    raise ScriptError(self.token.place, "expected the name of a field before '='")
                fields[str(name)] = self.expression()
            else:
                items.append(value)
            if not self.taken(","):
                self.expect("}")
                break
        if fields and items:
            raise ScriptError(self.token.place, "a structure has either names or none")
        return fields or items
