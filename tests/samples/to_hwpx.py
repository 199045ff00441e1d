"""Renders a sample as HWPX, the package of OWPML parts (KS X 6101) that Hangul saves."""

from xml.sax.saxutils import escape

from tests.samples.frozen_zip import pack
from tests.samples.source import Source

XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes" ?>'
NAMESPACES = " ".join(
    f'xmlns:{prefix}="{uri}"'
    for prefix, uri in {
        "ha": "http://www.hancom.co.kr/hwpml/2011/app",
        "hp": "http://www.hancom.co.kr/hwpml/2011/paragraph",
        "hp10": "http://www.hancom.co.kr/hwpml/2016/paragraph",
        "hs": "http://www.hancom.co.kr/hwpml/2011/section",
        "hc": "http://www.hancom.co.kr/hwpml/2011/core",
        "hh": "http://www.hancom.co.kr/hwpml/2011/head",
        "hhs": "http://www.hancom.co.kr/hwpml/2011/history",
        "hm": "http://www.hancom.co.kr/hwpml/2011/master-page",
        "hpf": "http://www.hancom.co.kr/schema/2011/hpf",
        "dc": "http://purl.org/dc/elements/1.1/",
        "opf": "http://www.idpf.org/2007/opf/",
        "ooxmlchart": "http://www.hancom.co.kr/hwpml/2016/ooxmlchart",
        "hwpunitchar": "http://www.hancom.co.kr/hwpml/2016/HwpUnitChar",
        "epub": "http://www.idpf.org/2007/ops",
        "config": "urn:oasis:names:tc:opendocument:xmlns:config:1.0",
    }.items()
)
LANGUAGES = ("hangul", "latin", "hanja", "japanese", "other", "symbol", "user")
MADE_AT = "2026-01-02T09:00:00Z"
PAGE_WIDTH, PAGE_HEIGHT, TEXT_WIDTH = 59528, 84186, 42520  # A4 and its text column, in HWPUNIT (1/7200 inch)
ROW_HEIGHT = 1700

# Ids of header.xml that section0.xml refers to: character size and weight, alignment, style.
LOOKS = {0: ("0", "0", "0"), 1: ("1", "1", "0"), 2: ("2", "1", "1"), 3: ("3", "0", "2")}
CHARACTERS = ((1000, False), (1800, True), (1300, True), (1050, True))
STYLES = (("바탕글", "Normal", "0", "0"), ("개요 1", "Outline 1", "1", "2"), ("개요 2", "Outline 2", "0", "3"))

CONTAINER = (
    XML + '<ocf:container xmlns:ocf="urn:oasis:names:tc:opendocument:xmlns:container"><ocf:rootfiles>'
    '<ocf:rootfile full-path="Contents/content.hpf" media-type="application/hwpml-package+xml"/>'
    '<ocf:rootfile full-path="Preview/PrvText.txt" media-type="text/plain"/>'
    "</ocf:rootfiles></ocf:container>"
)
MANIFEST = XML + '<odf:manifest xmlns:odf="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"/>'
# "tagetApplication" is how the format spells it.
VERSION = (
    XML + '<hv:HCFVersion xmlns:hv="http://www.hancom.co.kr/hwpml/2011/version" tagetApplication="WORDPROCESSOR"'
    ' major="5" minor="1" micro="1" buildNumber="0" os="1" xmlVersion="1.5" application="Baeum samples"'
    ' appVersion="1"/>'
)
SETTINGS = (
    XML + f'<ha:HWPApplicationSetting {NAMESPACES}><ha:CaretPosition listIDRef="0" paraIDRef="0" pos="0"/>'
    "</ha:HWPApplicationSetting>"
)
SECTION_PROPERTIES = (
    '<hp:secPr id="" textDirection="HORIZONTAL" spaceColumns="1134" tabStop="8000" tabStopVal="4000"'
    ' tabStopUnit="HWPUNIT" outlineShapeIDRef="1" memoShapeIDRef="0" textVerticalWidthHead="0" masterPageCnt="0">'
    '<hp:grid lineGrid="0" charGrid="0" wonggojiFormat="0"/>'
    '<hp:startNum pageStartsOn="BOTH" page="0" pic="0" tbl="0" equation="0"/>'
    '<hp:visibility hideFirstHeader="0" hideFirstFooter="0" hideFirstMasterPage="0" border="SHOW_ALL"'
    ' fill="SHOW_ALL" hideFirstPageNum="0" hideFirstEmptyLine="0" showLineNumber="0"/>'
    '<hp:lineNumberShape restartType="0" countBy="0" distance="0" startNumber="0"/>'
    f'<hp:pagePr landscape="WIDELY" width="{PAGE_WIDTH}" height="{PAGE_HEIGHT}" gutterType="LEFT_ONLY">'
    '<hp:margin header="4252" footer="4252" gutter="0" left="8504" right="8504" top="5668" bottom="4252"/></hp:pagePr>'
    "{notes}{borders}</hp:secPr>"
    '<hp:ctrl><hp:colPr id="" type="NEWSPAPER" layout="LEFT" colCount="1" sameSz="1" sameGap="0"/></hp:ctrl>'
)


def to_hwpx(source: Source) -> bytes:
    """An HWPX package with one section; chapters and clauses carry the outline styles."""
    members = {
        "mimetype": "application/hwp+zip",
        "version.xml": VERSION,
        "Contents/header.xml": header(),
        "Contents/section0.xml": section(source),
        "Preview/PrvText.txt": preview(source),
        "settings.xml": SETTINGS,
        "Contents/content.hpf": package(source),
        "META-INF/container.xml": CONTAINER,
        "META-INF/manifest.xml": MANIFEST,
    }
    return pack({name: text.encode() for name, text in members.items()}, stored=("mimetype",))


def preview(source: Source) -> str:
    """The first lines, which a file manager shows without opening the document."""
    return "\r\n".join(block.text for block in source.blocks[:20] if block.text)


def package(source: Source) -> str:
    """content.hpf: what the package holds and in which order it is read."""
    names = {"header": "Contents/header.xml", "section0": "Contents/section0.xml", "settings": "settings.xml"}
    items = "".join(
        f'<opf:item id="{name}" href="{href}" media-type="application/xml"/>' for name, href in names.items()
    )
    return (
        f'{XML}<opf:package {NAMESPACES} version="" unique-identifier="" id=""><opf:metadata>'
        f"<opf:title>{escape(source.title)}</opf:title><opf:language>ko</opf:language>"
        '<opf:meta name="creator" content="text">배움전자 주식회사</opf:meta>'
        f'<opf:meta name="CreatedDate" content="text">{MADE_AT}</opf:meta>'
        f'<opf:meta name="ModifiedDate" content="text">{MADE_AT}</opf:meta>'
        f"</opf:metadata><opf:manifest>{items}</opf:manifest><opf:spine>"
        '<opf:itemref idref="header" linear="yes"/><opf:itemref idref="section0" linear="yes"/>'
        "</opf:spine></opf:package>"
    )


def header() -> str:
    """header.xml: the fonts, borders, character and paragraph shapes and styles that the section refers to."""
    borders = [border(1, "NONE"), border(2, "NONE"), border(3, "SOLID")]
    characters = [character(number, height, bold) for number, (height, bold) in enumerate(CHARACTERS)]
    paragraphs = [paragraph_shape(0, "JUSTIFY"), paragraph_shape(1, "CENTER")]
    styles = [
        f'<hh:style id="{number}" type="PARA" name="{name}" engName="{english}" paraPrIDRef="{shape}" charPrIDRef="{letters}"'
        f' nextStyleIDRef="0" langID="1042" lockForm="0"/>'
        for number, (name, english, shape, letters) in enumerate(STYLES)
    ]
    return (
        f'{XML}<hh:head {NAMESPACES} version="1.5" secCnt="1">'
        '<hh:beginNum page="1" footnote="1" endnote="1" pic="1" tbl="1" equation="1"/><hh:refList>'
        + listed("fontfaces", [font(language) for language in LANGUAGES])
        + listed("borderFills", borders)
        + listed("charProperties", characters)
        + listed("tabProperties", ['<hh:tabPr id="0" autoTabLeft="0" autoTabRight="0"/>'])
        + listed("numberings", [numbering()])
        + listed("paraProperties", paragraphs)
        + listed("styles", styles)
        + '</hh:refList><hh:compatibleDocument targetProgram="HWP201X"><hh:layoutCompatibility/>'
        "</hh:compatibleDocument><hh:docOption>"
        '<hh:linkinfo path="" pageInherit="0" footnoteInherit="0"/></hh:docOption></hh:head>'
    )


def listed(name: str, items: list[str]) -> str:
    """A list of header.xml, which carries its own length."""
    return f'<hh:{name} itemCnt="{len(items)}">{"".join(items)}</hh:{name}>'


def font(language: str) -> str:
    """The one font, once for each script."""
    return (
        f'<hh:fontface lang="{language.upper()}" fontCnt="1">'
        '<hh:font id="0" face="함초롬바탕" type="TTF" isEmbedded="0"/></hh:fontface>'
    )


def border(number: int, line: str) -> str:
    """A border: `line` is NONE or SOLID on all four sides."""
    sides = "".join(
        f'<hh:{side}Border type="{line}" width="0.12 mm" color="#000000"/>'
        for side in ("left", "right", "top", "bottom")
    )
    return (
        f'<hh:borderFill id="{number}" threeD="0" shadow="0" centerLine="NONE" breakCellSeparateLine="0">'
        '<hh:slash type="NONE" Crooked="0" isCounter="0"/><hh:backSlash type="NONE" Crooked="0" isCounter="0"/>'
        f'{sides}<hh:diagonal type="SOLID" width="0.1 mm" color="#000000"/></hh:borderFill>'
    )


def character(number: int, height: int, bold: bool) -> str:
    """A character shape; `height` in hundredths of a point."""

    def each(name: str, value: int) -> str:
        return f"<hh:{name} " + " ".join(f'{language}="{value}"' for language in LANGUAGES) + "/>"

    return (
        f'<hh:charPr id="{number}" height="{height}" textColor="#000000" shadeColor="none" useFontSpace="0"'
        ' useKerning="0" symMark="NONE" borderFillIDRef="2">'
        + each("fontRef", 0)
        + each("ratio", 100)
        + each("spacing", 0)
        + each("relSz", 100)
        + each("offset", 0)
        + ("<hh:bold/>" if bold else "")
        + '<hh:underline type="NONE" shape="SOLID" color="#000000"/><hh:strikeout shape="NONE" color="#000000"/>'
        '<hh:outline type="NONE"/><hh:shadow type="NONE" color="#C0C0C0" offsetX="10" offsetY="10"/></hh:charPr>'
    )


def numbering() -> str:
    """The outline numbering, which draws nothing: the clauses carry their numbers in their text."""
    heads = "".join(
        f'<hh:paraHead start="1" level="{level}" align="LEFT" useInstWidth="1" autoIndent="1" widthAdjust="0"'
        ' textOffsetType="PERCENT" textOffset="50" numFormat="DIGIT" charPrIDRef="4294967295" checkable="0"/>'
        for level in range(1, 8)
    )
    return f'<hh:numbering id="1" start="0">{heads}</hh:numbering>'


def paragraph_shape(number: int, align: str) -> str:
    """A paragraph shape with 160 percent line spacing."""
    sides = "".join(f'<hc:{side} value="0" unit="HWPUNIT"/>' for side in ("intent", "left", "right", "prev", "next"))
    return (
        f'<hh:paraPr id="{number}" tabPrIDRef="0" condense="0" fontLineHeight="0" snapToGrid="1" suppressLineNumbers="0"'
        f' checked="0"><hh:align horizontal="{align}" vertical="BASELINE"/>'
        '<hh:heading type="NONE" idRef="0" level="0"/>'
        '<hh:breakSetting breakLatinWord="KEEP_WORD" breakNonLatinWord="KEEP_WORD" widowOrphan="0" keepWithNext="0"'
        ' keepLines="0" pageBreakBefore="0" lineWrap="BREAK"/><hh:autoSpacing eAsianEng="0" eAsianNum="0"/>'
        f'<hh:margin>{sides}</hh:margin><hh:lineSpacing type="PERCENT" value="160" unit="HWPUNIT"/>'
        '<hh:border borderFillIDRef="2" offsetLeft="0" offsetRight="0" offsetTop="0" offsetBottom="0" connect="0"'
        ' ignoreMargin="0"/></hh:paraPr>'
    )


def section(source: Source) -> str:
    """section0.xml: the body; the page's properties stand in the first run of the first paragraph."""
    properties = SECTION_PROPERTIES.format(notes=note("foot") + note("end"), borders=page_borders())
    opening = paragraph(0, "", first_run=f'<hp:run charPrIDRef="0">{properties}</hp:run>')
    body = "".join(
        table(number, block.rows) if block.kind == "table" else paragraph(number, block.text, block.level)
        for number, block in enumerate(source.blocks, start=1)
    )
    return f"{XML}<hs:sec {NAMESPACES}>{opening}{body}</hs:sec>"


def note(kind: str) -> str:
    """How foot or end notes are set; the samples have none, but the section must say it."""
    place = {"foot": "EACH_COLUMN", "end": "END_OF_DOCUMENT"}[kind]
    return (
        f'<hp:{kind}NotePr><hp:autoNumFormat type="DIGIT" userChar="" prefixChar="" suffixChar=")" supscript="0"/>'
        '<hp:noteLine length="-1" type="SOLID" width="0.12 mm" color="#000000"/>'
        '<hp:noteSpacing betweenNotes="283" belowLine="567" aboveLine="850"/>'
        f'<hp:numbering type="CONTINUOUS" newNum="1"/><hp:placement place="{place}" beneathText="0"/></hp:{kind}NotePr>'
    )


def page_borders() -> str:
    """No border, for both, even and odd pages."""
    return "".join(
        f'<hp:pageBorderFill type="{pages}" borderFillIDRef="1" textBorder="PAPER" headerInside="0" footerInside="0"'
        ' fillArea="PAPER"><hp:offset left="1417" right="1417" top="1417" bottom="1417"/></hp:pageBorderFill>'
        for pages in ("BOTH", "EVEN", "ODD")
    )


def paragraph(number: int, text: str, level: int = 0, first_run: str = "") -> str:
    """A paragraph in the look of a heading's `level`; 0 is body text."""
    letters, shape, style = LOOKS[level]
    return (
        f'<hp:p id="{number}" paraPrIDRef="{shape}" styleIDRef="{style}" pageBreak="0" columnBreak="0" merged="0">'
        f'{first_run}<hp:run charPrIDRef="{letters}"><hp:t>{escape(text)}</hp:t></hp:run></hp:p>'
    )


def table(number: int, rows: list[list[str]]) -> str:
    """A table in a paragraph of its own, as wide as the text column."""
    height = ROW_HEIGHT * len(rows)
    drawn = "".join(
        "<hp:tr>" + "".join(cell(x, y, len(row), text) for x, text in enumerate(row)) + "</hp:tr>"
        for y, row in enumerate(rows)
    )
    return (
        f'<hp:p id="{number}" paraPrIDRef="0" styleIDRef="0" pageBreak="0" columnBreak="0" merged="0">'
        f'<hp:run charPrIDRef="0"><hp:tbl id="{1000 + number}" zOrder="0" numberingType="TABLE" textWrap="TOP_AND_BOTTOM"'
        ' textFlow="BOTH_SIDES" lock="0" dropcapstyle="None" pageBreak="CELL" repeatHeader="1"'
        f' rowCnt="{len(rows)}" colCnt="{len(rows[0])}" cellSpacing="0" borderFillIDRef="3" noAdjust="0">'
        f'<hp:sz width="{TEXT_WIDTH}" widthRelTo="ABSOLUTE" height="{height}" heightRelTo="ABSOLUTE" protect="0"/>'
        '<hp:pos treatAsChar="1" affectLSpacing="0" flowWithText="1" allowOverlap="0" holdAnchorAndSO="0"'
        ' vertRelTo="PARA" horzRelTo="COLUMN" vertAlign="TOP" horzAlign="LEFT" vertOffset="0" horzOffset="0"/>'
        '<hp:outMargin left="0" right="0" top="0" bottom="0"/>'
        '<hp:inMargin left="510" right="510" top="141" bottom="141"/>'
        f"{drawn}</hp:tbl><hp:t/></hp:run></hp:p>"
    )


def cell(x: int, y: int, columns: int, text: str) -> str:
    """One cell of a table of `columns` columns."""
    return (
        f'<hp:tc name="" header="{int(y == 0)}" hasMargin="0" protect="0" editable="0" dirty="0" borderFillIDRef="3">'
        '<hp:subList id="" textDirection="HORIZONTAL" lineWrap="BREAK" vertAlign="CENTER" linkListIDRef="0"'
        ' linkListNextIDRef="0" textWidth="0" textHeight="0" hasTextRef="0" hasNumRef="0">'
        f'{paragraph(0, text)}</hp:subList><hp:cellAddr colAddr="{x}" rowAddr="{y}"/>'
        f'<hp:cellSpan colSpan="1" rowSpan="1"/><hp:cellSz width="{TEXT_WIDTH // columns}" height="{ROW_HEIGHT}"/>'
        '<hp:cellMargin left="510" right="510" top="141" bottom="141"/></hp:tc>'
    )
