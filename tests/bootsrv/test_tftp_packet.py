"""TFTP datagrams, against tftpy's packet classes as an independent codec, and against junk."""

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tftpy.TftpPacketFactory import TftpPacketFactory
from tftpy.TftpPacketTypes import (
    TftpPacketACK,
    TftpPacketDAT,
    TftpPacketERR,
    TftpPacketOACK,
    TftpPacketRRQ,
    TftpPacketWRQ,
)

from bootsrv.tftp.packet import (
    MAX_REQUEST_BYTES,
    Ack,
    BadPacket,
    Data,
    Error,
    ErrorCode,
    OptionsAck,
    Packet,
    ReadRequest,
    WriteRequest,
    encode,
    encode_ack,
    encode_data,
    parse,
)

_ascii = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=40)
_names = st.text(st.characters(blacklist_characters="\0", blacklist_categories=["Cs"]), min_size=1, max_size=40)
_options = st.dictionaries(_ascii.map(str.lower), _ascii, max_size=4)
_blocks = st.integers(0, 0xFFFF)
_payloads = st.binary(max_size=1468)
_modes = st.sampled_from(["octet", "netascii", "mail"])
_packets: st.SearchStrategy[Packet] = st.one_of(
    st.builds(ReadRequest, name=_names, mode=_modes, options=_options),
    st.builds(WriteRequest, name=_names, mode=_modes, options=_options),
    st.builds(Data, block=_blocks, payload=_payloads),
    st.builds(Ack, block=_blocks),
    st.builds(Error, code=_blocks, message=_ascii),
    st.builds(OptionsAck, options=_options.filter(bool)),
)


def _theirs(kind: type[Any], **fields: Any) -> bytes:
    packet = kind()
    for name, value in fields.items():
        setattr(packet, name, value)
    datagram: bytes = packet.encode().buffer
    return datagram


@given(_packets)
def test_what_is_encoded_is_parsed(packet: Packet) -> None:
    assert parse(encode(packet)) == packet


@given(_ascii, _options)
def test_tftpy_reads_our_requests_and_we_read_its(name: str, options: dict[str, str]) -> None:
    for ours, theirs in ((ReadRequest, TftpPacketRRQ), (WriteRequest, TftpPacketWRQ)):
        packet = ours(name=name, options=options)
        read = TftpPacketFactory().parse(encode(packet))
        assert (type(read), read.filename, read.mode, read.options) == (theirs, name, "octet", options)
        assert parse(_theirs(theirs, filename=name, mode="octet", options=options)) == packet


@given(_blocks, _payloads)
def test_tftpy_reads_our_data_and_we_read_its(block: int, payload: bytes) -> None:
    datagram = encode(Data(block=block, payload=payload))
    assert datagram == encode_data(block, payload)
    read = TftpPacketFactory().parse(datagram)
    assert (type(read), read.blocknumber, read.data) == (TftpPacketDAT, block, payload)
    assert parse(_theirs(TftpPacketDAT, blocknumber=block, data=payload)) == Data(block=block, payload=payload)


@given(_blocks)
def test_tftpy_reads_our_acks_and_we_read_its(block: int) -> None:
    datagram = encode(Ack(block=block))
    assert datagram == encode_ack(block) == _theirs(TftpPacketACK, blocknumber=block)
    read = TftpPacketFactory().parse(datagram)
    assert (type(read), read.blocknumber) == (TftpPacketACK, block)


@given(st.sampled_from(ErrorCode), _ascii)
def test_tftpy_reads_our_errors(code: ErrorCode, message: str) -> None:
    read = TftpPacketFactory().parse(encode(Error(code=code, message=message)))
    assert (type(read), read.errorcode, read.errmsg) == (TftpPacketERR, code, message.encode())


@pytest.mark.parametrize("code", [code for code in ErrorCode if code])  # tftpy has no text for 0
def test_we_read_its_errors(code: ErrorCode) -> None:
    read = parse(_theirs(TftpPacketERR, errorcode=code))
    assert isinstance(read, Error)
    assert read.code == code
    assert read.message


@given(_options.filter(bool))
def test_tftpy_reads_our_option_acks_and_we_read_its(options: dict[str, str]) -> None:
    read = TftpPacketFactory().parse(encode(OptionsAck(options=options)))
    assert (type(read), read.options) == (TftpPacketOACK, options)
    assert parse(_theirs(TftpPacketOACK, options=options)) == OptionsAck(options=options)


@pytest.mark.parametrize(
    ("datagram", "packet"),
    [
        (b"\0\1x\0OCTET\0", ReadRequest(name="x")),
        (
            b"\0\1x\0octet\0BLKSIZE\x001432\0TSize\x000\0",
            ReadRequest(name="x", options={"blksize": "1432", "tsize": "0"}),
        ),
        (b"\0\1x\0octet\0\0\0", ReadRequest(name="x")),  # padded with NULs, as some boot ROMs do
        (b"\0\1x\0octet\0tsize\x000\0\0\0\0", ReadRequest(name="x", options={"tsize": "0"})),
        (b"\0\1\0octet\0", ReadRequest(name="")),
        ("\0\1ü\0octet\0".encode(), ReadRequest(name="ü")),
        (b"\0\2x\0netascii\0", WriteRequest(name="x", mode="netascii")),
        (b"\0\4\0\7\0\0", Ack(block=7)),  # longer than it need be
        (b"\0\3\0\1", Data(block=1, payload=b"")),
        (b"\0\5\0\1", Error(code=1)),
        (b"\0\5\0\0not ended", Error(code=0, message="not ended")),
        (b"\0\5\xff\xff\xfe\x80\0rest", Error(code=0xFFFF, message="\ufffd\ufffd")),
    ],
)
def test_what_firmware_sends_is_read(datagram: bytes, packet: Packet) -> None:
    assert parse(datagram) == packet


@pytest.mark.parametrize(
    ("datagram", "reason"),
    [
        (b"", "shorter"),
        (b"\0\1", "shorter"),
        (b"\0\4\0", "shorter"),
        (b"\0\0xxxx", "unknown TFTP operation 0"),
        (b"\0\7\0\1", "unknown TFTP operation 7"),
        (b"\xff\xffjunk", "unknown TFTP operation 65535"),
        (b"\0\1name\0octet", "not ended"),
        (b"\0\1name\0", "name and a mode"),
        (b"\0\1\xff\0octet\0", "not UTF-8"),
        (b"\0\1x\0oct\xe9t\0", "not ASCII"),
        (b"\0\1x\0octet\0tsize\0", "pairs"),
        (b"\0\1x\0octet\0\x001\0", "pairs"),
        (b"\0\1x\0octet\0\0\0tsize\x000\0", "pairs"),
        (b"\0\1x\0octet\0tsize\x000\0TSIZE\x001\0", "twice"),
        (b"\0\1x\0octet\0\xff\x000\0", "not ASCII"),
        (b"\0\1" + b"x" * MAX_REQUEST_BYTES + b"\0octet\0", "512 bytes"),
        (b"\0\6blksize\x00512", "not ended"),
    ],
)
def test_what_is_no_tftp_is_refused(datagram: bytes, reason: str) -> None:
    with pytest.raises(BadPacket, match=reason):
        parse(datagram)


@given(st.one_of(st.binary(max_size=600), st.builds(bytes.__add__, st.sampled_from([b"\0\1", b"\0\6"]), st.binary())))
@example(b"\0\1\0\0\0\0\0")
def test_junk_is_read_or_refused_in_one_way(datagram: bytes) -> None:
    try:
        packet: Packet | BadPacket = parse(datagram)
    except BadPacket as error:
        packet = error
    assert packet.message.isprintable() if isinstance(packet, BadPacket) else isinstance(packet, Packet)


@given(_packets, st.data())
def test_broken_packets_are_read_or_refused_in_one_way(packet: Packet, data: st.DataObject) -> None:
    datagram = bytearray(encode(packet))
    for _ in range(data.draw(st.integers(1, 3))):
        datagram[data.draw(st.integers(0, len(datagram) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(datagram[: data.draw(st.integers(0, len(datagram)))])
    try:
        read = parse(cut)
    except BadPacket:
        return
    assert isinstance(read, Packet)


@pytest.mark.parametrize(
    "packet",
    [
        Data(block=0x10000, payload=b""),
        Ack(block=-1),
        Error(code=0x10000),
        ReadRequest(name=""),
        ReadRequest(name="a\0b"),
        ReadRequest(name="\udcff"),
        ReadRequest(name="x", options={"tsize": ""}),
        OptionsAck(options={"a\0": "1"}),
    ],
)
def test_what_cannot_be_written_is_refused(packet: Packet) -> None:
    with pytest.raises(BadPacket):
        encode(packet)


def test_an_error_text_is_made_to_fit() -> None:
    datagram = encode(Error(code=1, message="ü\0" + "x" * 1000))
    assert datagram.startswith(b"\0\5\0\1\\xfc?xxx")
    assert datagram.endswith(b"x\0")
    assert len(datagram) <= MAX_REQUEST_BYTES
