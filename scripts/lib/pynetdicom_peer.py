"""pynetdicom as a peer of Concord's own tests.

pynetdicom_peer.py serve PORT [CERTIFICATE KEY CA]               answers C-ECHO, C-FIND and Repository Queries until stopped
pynetdicom_peer.py ask PORT CALLING CALLED CERTIFICATE KEY CA    asks one C-FIND; prints the UIDs, or why there are none

Where a user is named it lets in `concord` with the passcode `open sesame` only. It grants relational questions and matching
of empty values. Of its records 1.2.0 … 1.2.6 a Repository Query gets three at a time.
"""
import ssl
import sys

from pydicom.dataset import Dataset
from pynetdicom import AE, evt
from pynetdicom.sop_class import RepositoryQuery, Verification
from pynetdicom.sop_class import StudyRootQueryRetrieveInformationModelFind as StudyRootFind


def study(uid):
    match = Dataset()
    match.QueryRetrieveLevel = "STUDY"
    match.StudyInstanceUID = uid
    return match


def find(event):
    if event.request.AffectedSOPClassUID != RepositoryQuery:
        for number in range(3):
            yield 0xFF00, study(f"1.2.{number}")
        return
    prior = event.identifier.get("PriorRecordKey")
    first = 0 if not prior else int(bytes(prior).strip(b"\0 ")) + 1
    for number in range(first, min(first + 3, 7)):
        match = study(f"1.2.{number}")
        match.RecordKey = b"%02d" % number
        yield 0xFF00, match
    if first + 3 < 7:
        yield 0xB001, None


def let_in(event):
    return (event.primary_field, event.secondary_field) == (b"concord", b"open sesame"), None


def grant(event):
    return {uid: bytes(asked & offered for asked, offered in zip(options, b"\1\0\0\0\0\1\0"))
            for uid, options in event.app_info.items()}


def serve(port, *files):
    context = None
    if files:
        certificate, key, ca = files
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=ca)
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_cert_chain(certificate, key)
    entity = AE("PYNETDICOM")
    for abstract_syntax in (Verification, StudyRootFind, RepositoryQuery):
        entity.add_supported_context(abstract_syntax)
    handlers = [(evt.EVT_C_FIND, find), (evt.EVT_USER_ID, let_in), (evt.EVT_SOP_EXTENDED, grant)]
    entity.start_server(("127.0.0.1", int(port)), ssl_context=context, evt_handlers=handlers)


def ask(port, calling, called, certificate, key, ca):
    context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=ca)
    context.load_cert_chain(certificate, key)
    entity = AE(calling)
    entity.add_requested_context(StudyRootFind)
    association = entity.associate("127.0.0.1", int(port), ae_title=called, tls_args=(context, "localhost"))
    if not association.is_established:
        print("rejected" if association.is_rejected else "aborted")
        return
    for status, match in association.send_c_find(study(""), StudyRootFind):
        if match is not None:
            print(match.StudyInstanceUID)
    association.release()


{"serve": serve, "ask": ask}[sys.argv[1]](*sys.argv[2:])
