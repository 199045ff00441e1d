"""What people write in conversations, and how much of it."""

from typing import Annotated

from pydantic import Field

from shared.texts import Line, Text

Title = Annotated[Line, Field(min_length=1, max_length=200)]
QuestionText = Annotated[Text, Field(min_length=1, max_length=4000)]
Comment = Annotated[Text, Field(max_length=500)]
SearchText = Annotated[Text, Field(max_length=200)]
