"""How much one file may cost. Company documents stay far below; bombs do not."""

MAX_FILE_BYTES = 200 * 1024 * 1024  # the office formats are read into memory as a whole
MAX_PAGES = 2_000  # ten bound volumes; also slides
MAX_CHARACTERS = 5_000_000  # about 10,000 chunks, the size Milvus Lite still searches quickly
MAX_OCR_PAGES = 100  # about 3 CPU seconds a page

MAX_MEMBERS = 10_000  # parts in a zip; a deck of 500 slides with pictures has about 3,000
MAX_UNCOMPRESSED_BYTES = 500 * 1024 * 1024  # parsed XML needs about ten times its size in memory
MAX_RATIO = 200  # office XML packs 10 to 50 times, a bomb 1,000 times
RATIO_COUNTS_FROM_BYTES = 10 * 1024 * 1024  # a small file may pack well by chance

MAX_RESULT_BYTES = 16 * MAX_CHARACTERS  # of the child's answer: a Korean letter is 3 bytes of UTF-8, plus JSON
