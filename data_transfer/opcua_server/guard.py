"""What a client may ask, and after which proofs: services, channel, session and sign-in, checked before the library acts.

Without security only discovery is answered. A channel needs a trusted certificate, whose key the client has proven to hold by
then; a session needs the same certificate and its application URI; its activation the product's login.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from asyncua import ua
from asyncua.common.connection import TransportLimits
from asyncua.common.utils import Buffer, ServiceError
from asyncua.crypto.permission_rules import User, UserRole
from asyncua.crypto.security_policies import SecurityPolicyNone
from asyncua.server.internal_server import InternalServer
from asyncua.server.internal_session import InternalSession
from asyncua.server.uaprocessor import UaProcessor
from asyncua.ua.ua_binary import Primitives, nodeid_from_binary, struct_from_binary, uatcp_to_binary
from cryptography import x509

from data_transfer.opcua_server.access import Limits, Principal
from data_transfer.opcua_server.reading import MOST_PIECES, MOST_PIECES_BEFORE, Careful
from data_transfer.opcua_server.subscriptions import Subscriptions

if TYPE_CHECKING:
    from data_transfer.opcua_server.connections import Connection

log = logging.getLogger(__name__)

_I: Final = ua.ObjectIds
_ENCODING: Final = "Request_Encoding_DefaultBinary"


def _ids(*names: str) -> frozenset[ua.NodeId]:
    return frozenset(ua.NodeId(getattr(_I, f"{name}{_ENCODING}")) for name in names)


DISCOVERY: Final = _ids("GetEndpoints", "FindServers")
_SESSION: Final = _ids("CreateSession", "ActivateSession", "CloseSession")
_READING: Final = _ids(
    "Read", "Browse", "TranslateBrowsePathsToNodeIds", "RegisterNodes", "UnregisterNodes", "HistoryRead", "CreateSubscription",
    "ModifySubscription", "DeleteSubscriptions", "SetPublishingMode", "CreateMonitoredItems", "ModifyMonitoredItems",
    "SetMonitoringMode", "DeleteMonitoredItems", "Publish", "Republish", "Write",
)  # fmt: skip
_CREATE: Final = ua.NodeId(_I.CreateSessionRequest_Encoding_DefaultBinary)
_ACTIVATE: Final = ua.NodeId(_I.ActivateSessionRequest_Encoding_DefaultBinary)
_WRITE: Final = ua.NodeId(_I.WriteRequest_Encoding_DefaultBinary)
MOST_NODES: Final = 10_000  # of one request, as the server tells
MOST_REFERENCES: Final = 50_000  # of one answer: a second of work
MOST_BYTES: Final = 4 * 1024 * 1024  # of values in one answer
LONGEST_TOKEN_MS: Final = 3_600_000
SHORTEST_TOKEN_MS: Final = 60_000
LONGEST_NAME, LONGEST_PASSWORD = 64, 256
SMALLEST_BUFFER: Final = 8192  # OPC 10000-6, 7.1.2.3


class Refused(Exception):
    """The connection ends with this status. `kind` is counted."""

    def __init__(self, kind: str, code: int, words: str = "") -> None:
        super().__init__(words or kind)
        self.kind, self.code = kind, code


class Session(InternalSession):  # type: ignore[misc]  # the library has no types
    """Of one client. Its token cannot be guessed, it acts on its own subscriptions only, and it writes nothing."""

    principal: Principal | None = None
    application = ""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.external:
            self.iserver.unregister_external_session(self)
            self.auth_token = ua.NodeId(os.urandom(24), 0, ua.NodeIdType.ByteString)
            self.iserver.register_external_session(self)

    def activate_session(self, params: ua.ActivateSessionParameters, peer_certificate: bytes | None) -> ua.ActivateSessionResult:
        """Only after the login, whatever the library thinks of the token."""
        if self.principal is None:
            raise ServiceError(ua.StatusCodes.BadUserAccessDenied)
        return super().activate_session(params, peer_certificate)

    async def write(self, params: ua.WriteParameters) -> list[ua.StatusCode]:
        """Nothing here can be written."""
        if not self.external:
            return list(await super().write(params))
        return [ua.StatusCode(ua.UInt32(ua.StatusCodes.BadNotWritable)) for _ in params.NodesToWrite]

    async def read(self, params: ua.ReadParameters) -> list[ua.DataValue]:
        self._few(params.NodesToRead)
        found = list(await super().read(params))
        self._short(sum(_size(value) for value in found), MOST_BYTES)
        return found

    async def browse(self, params: ua.BrowseParameters) -> list[ua.BrowseResult]:
        self._few(params.NodesToBrowse)
        found = list(await super().browse(params))
        self._short(sum(len(one.References) for one in found), MOST_REFERENCES)
        return found

    async def translate_browsepaths_to_nodeids(self, params: list[ua.BrowsePath]) -> list[ua.BrowsePathResult]:
        self._few(params)
        return list(await super().translate_browsepaths_to_nodeids(params))

    def _few(self, nodes: Sequence[object]) -> None:
        if self.external and len(nodes) > MOST_NODES:
            raise ServiceError(ua.StatusCodes.BadTooManyOperations)

    def _short(self, size: int, most: int) -> None:
        """Before the answer is encoded: a few bytes may ask for one large value ten thousand times."""
        if self.external and size > most:
            raise ServiceError(ua.StatusCodes.BadTooManyOperations)

    def _owns(self, number: int) -> None:
        subscription = self.subscription_service.subscriptions.get(number)
        if subscription is None or (self.external and subscription.session_id != self.session_id):
            raise ServiceError(ua.StatusCodes.BadSubscriptionIdInvalid)

    async def create_monitored_items(self, params: ua.CreateMonitoredItemsParameters) -> list[ua.MonitoredItemCreateResult]:
        self._owns(params.SubscriptionId)
        return list(await super().create_monitored_items(params))

    async def modify_monitored_items(self, params: ua.ModifyMonitoredItemsParameters) -> list[ua.MonitoredItemModifyResult]:
        self._owns(params.SubscriptionId)
        return list(await super().modify_monitored_items(params))

    async def set_monitoring_mode(self, params: ua.SetMonitoringModeParameters) -> list[ua.StatusCode]:
        self._owns(params.SubscriptionId)
        return list(await super().set_monitoring_mode(params))

    async def delete_monitored_items(self, params: ua.DeleteMonitoredItemsParameters) -> list[ua.StatusCode]:
        self._owns(params.SubscriptionId)
        return list(await super().delete_monitored_items(params))

    def modify_subscription(self, params: ua.ModifySubscriptionParameters) -> ua.ModifySubscriptionResult:
        self._owns(params.SubscriptionId)
        return super().modify_subscription(params)

    def republish(self, params: ua.RepublishParameters) -> ua.NotificationMessage:
        self._owns(params.SubscriptionId)
        message = super().republish(params)
        if not message.NotificationData:
            raise ServiceError(ua.StatusCodes.BadMessageNotAvailable)
        return message

    async def set_publishing_mode(self, params: ua.SetPublishingModeParameters) -> list[ua.StatusCode]:
        mine = self._mine(params.SubscriptionIds)
        done = iter(await super().set_publishing_mode(
            ua.SetPublishingModeParameters(params.PublishingEnabled, [n for n in params.SubscriptionIds if n in mine])
        ))  # fmt: skip
        return [next(done) if number in mine else _not_yours() for number in params.SubscriptionIds]

    async def delete_subscriptions(self, ids: list[int]) -> list[ua.StatusCode]:
        mine = self._mine(ids)
        done = iter(await super().delete_subscriptions([number for number in ids if number in mine]))
        return [next(done) if number in mine else _not_yours() for number in ids]

    def publish(self, acks: Any = None) -> tuple[int, list[ua.StatusCode]]:
        """Counts and acknowledges its own."""
        known = self.subscription_service.subscriptions
        mine = {number for number, one in known.items() if one.session_id == self.session_id}
        if not mine:
            raise ServiceError(ua.StatusCodes.BadNoSubscription)
        results = []
        for ack in acks or ():
            if ack.SubscriptionId in mine:
                known[ack.SubscriptionId].publish([ack.SequenceNumber])
            results.append(ua.StatusCode() if ack.SubscriptionId in mine else _not_yours())
        return len(mine), results

    def _mine(self, ids: list[int]) -> set[int]:
        known = self.subscription_service.subscriptions
        return {n for n in ids if n in known and (not self.external or known[n].session_id == self.session_id)}


def _size(value: ua.DataValue) -> int:
    """Bytes of a value that may be long."""
    inner = value.Value.Value if value.Value is not None else None
    return len(inner) if isinstance(inner, str | bytes) else 8


def _not_yours() -> ua.StatusCode:
    return ua.StatusCode(ua.UInt32(ua.StatusCodes.BadSubscriptionIdInvalid))


class _SignedIn:
    """The library asks for a user after Session has seen to it that somebody signed in: nobody is an administrator."""

    def get_user(
        self, _server: object, username: str | None = None, password: str | None = None, certificate: object = None
    ) -> User:
        return User(role=UserRole.User, name=username)


class Core(InternalServer):  # type: ignore[misc]  # the library has no types
    """The library's inner server with our sessions."""

    def __init__(self) -> None:
        super().__init__(user_manager=_SignedIn())
        self.allow_remote_admin = False

    def create_session(self, name: str, user: User | None = None, external: bool = False) -> Session:
        return Session(self, self.aspace, self.subscription_service, name, user or User(role=UserRole.Anonymous), external)

    def use(self, subscriptions: Subscriptions) -> None:
        """Put ours in the place of the library's."""
        self.subscription_service = subscriptions
        self.isession.subscription_service = subscriptions


class Processor(UaProcessor):  # type: ignore[misc]  # the library has no types
    """Messages of one connection."""

    session: Session | None

    def __init__(self, core: Core, transport: asyncio.Transport, limits: Limits, connection: Connection) -> None:
        frame = TransportLimits(
            limits.chunk_bytes, limits.chunk_bytes, -(-limits.message_bytes // limits.chunk_bytes), limits.message_bytes
        )
        super().__init__(core, transport, frame)
        self._owner, self._bounds = connection, limits
        self._greeted = False

    @property
    def certificate(self) -> bytes | None:
        """The client's, once its channel is open."""
        return getattr(self._connection.security_policy, "peer_certificate", None)

    @property
    def secure(self) -> bool:
        return bool(self._connection.security_policy.URI != SecurityPolicyNone.URI)

    async def process(self, header: ua.Header, body: Buffer) -> bool:
        """One chunk. False ends the connection. Raises Refused and what the library raises."""
        if header.MessageType == ua.MessageType.Hello:
            self._greet(struct_from_binary(ua.Hello, body))
            return True
        if not self._greeted:
            raise Refused("frame", ua.StatusCodes.BadTcpMessageTypeInvalid)
        try:
            message = self._connection.receive_from_header_and_body(header, body)
        except ua.uaerrors.BadRequestTooLarge as exc:
            raise Refused("message", exc.code) from exc
        except ua.uaerrors.UaStatusCodeError:
            raise
        except ua.UaError as exc:
            raise Refused("policy" if header.MessageType == ua.MessageType.SecureOpen else "frame",
                          ua.StatusCodes.BadSecurityChecksFailed, str(exc)) from exc  # fmt: skip
        except Exception as exc:
            if header.MessageType == ua.MessageType.SecureOpen and self.secure:  # not the key of its certificate
                raise Refused("signature", ua.StatusCodes.BadSecurityChecksFailed, repr(exc)) from exc
            raise
        if header.MessageType == ua.MessageType.SecureClose:
            self._connection.close()
            return False
        if message is None:
            return True  # there is more to come of it
        if header.MessageType == ua.MessageType.SecureOpen:
            self.open_secure_channel(message.SecurityHeader(), message.SequenceHeader(), self._careful(message))
            return True
        if not self._connection.is_open():
            raise Refused("frame", ua.StatusCodes.BadSecureChannelIdInvalid)
        return await self.process_message(message.SequenceHeader(), self._careful(message)) is not False

    def _careful(self, message: ua.Message) -> Careful:
        return Careful(bytes(message.body()), MOST_PIECES if self._signed_in else MOST_PIECES_BEFORE)

    @property
    def _signed_in(self) -> bool:
        return self.session is not None and self.session.is_activated()

    def _greet(self, hello: ua.Hello) -> None:
        """Raises Refused for buffers no message fits in, and for a second greeting."""
        if self._greeted or min(hello.ReceiveBufferSize, hello.SendBufferSize) < SMALLEST_BUFFER:
            raise Refused("frame", ua.StatusCodes.BadConnectionRejected, "buffers are too small")
        self._greeted = True
        self._transport.write(uatcp_to_binary(ua.MessageType.Acknowledge, self._limits.create_acknowledge_and_set_limits(hello)))

    def open_secure_channel(self, algohdr: Any, seqhdr: Any, body: Buffer) -> None:
        """Raises Refused: no security policy of ours, or a certificate that is not trusted."""
        request = struct_from_binary(ua.OpenSecureChannelRequest, body)
        wanted = request.Parameters
        if not self._connection.is_open():
            try:
                self._connection.select_policy(algohdr.SecurityPolicyURI, algohdr.SenderCertificate, wanted.SecurityMode)
            except ua.UaError as exc:
                raise Refused("policy", ua.StatusCodes.BadSecurityPolicyRejected, str(exc)) from exc
            if self.secure:
                self._check_certificate()
        wanted.RequestedLifetime = min(max(wanted.RequestedLifetime, SHORTEST_TOKEN_MS), LONGEST_TOKEN_MS)
        response = ua.OpenSecureChannelResponse()
        response.Parameters = self._connection.open(wanted, self.iserver)
        self.send_response(request.RequestHeader.RequestHandle, seqhdr, response, ua.MessageType.SecureOpen)

    def _check_certificate(self) -> None:
        certificate = self.certificate
        refusal = self._owner.trust_refusal(certificate) if certificate else "broken"
        if refusal is not None:
            raise Refused(f"certificate_{refusal}", ua.StatusCodes.BadSecurityChecksFailed, f"certificate: {refusal}")

    async def process_message(self, seqhdr: Any, body: Buffer) -> bool | None:
        """One request; what is refused is answered with its status and counted."""
        typeid = nodeid_from_binary(body)
        header = struct_from_binary(ua.RequestHeader, body)
        try:
            return await self._process_message(typeid, header, seqhdr, body)
        except (ServiceError, ua.uaerrors.UaStatusCodeError) as exc:
            code = exc.code
            if code == ua.StatusCodes.BadTooManyOperations:
                self._owner.refused("nodes")
        except Exception as exc:  # whatever somebody known sends costs one answer
            log.debug("OPC UA server: a request from %s cannot be understood: %r", self.name, exc)
            if not self._signed_in:
                raise Refused("malformed", ua.StatusCodes.BadDecodingError) from exc
            self._owner.refused("malformed")
            code = ua.StatusCodes.BadDecodingError
        response = ua.ServiceFault()
        response.ResponseHeader.ServiceResult = ua.StatusCode(ua.UInt32(code))
        self.send_response(header.RequestHandle, seqhdr, response)
        return True

    async def _process_message(self, typeid: ua.NodeId, requesthdr: Any, seqhdr: Any, body: Buffer) -> bool | None:
        if typeid not in DISCOVERY:
            if not self.secure:
                self._owner.refused("policy")
                raise ServiceError(ua.StatusCodes.BadSecurityPolicyRejected)
            if typeid not in _SESSION and typeid not in _READING:
                raise ServiceError(ua.StatusCodes.BadServiceUnsupported)
            if typeid == _CREATE:
                await self._leave_old()
                self._check_create(struct_from_binary(ua.CreateSessionParameters, body.copy()))
            elif self.session is None or requesthdr.AuthenticationToken != self.session.auth_token:
                raise ServiceError(ua.StatusCodes.BadSessionIdInvalid)
            if typeid == _ACTIVATE:
                await self._sign_in(struct_from_binary(ua.ActivateSessionParameters, body.copy()))
        if typeid == _WRITE and self._signed_in:
            self._refuse_writing(requesthdr, seqhdr, Primitives.Int32.unpack(body))
            return True
        done: bool | None = await super()._process_message(typeid, requesthdr, seqhdr, body)
        if typeid == _CREATE and self.session is not None:
            self.session.application = self._application
        elif typeid == _ACTIVATE:
            self._owner.activated()
        return done

    def _refuse_writing(self, requesthdr: Any, seqhdr: Any, count: int) -> None:
        """Nothing here can be written, so nothing of it is looked at."""
        if not 0 < count <= MOST_NODES:
            raise ServiceError(ua.StatusCodes.BadTooManyOperations if count > 0 else ua.StatusCodes.BadNothingToDo)
        response = ua.WriteResponse(Results=[ua.StatusCode(ua.UInt32(ua.StatusCodes.BadNotWritable))] * count)
        self.send_response(requesthdr.RequestHandle, seqhdr, response)

    # -- session ------------------------------------------------------------------------------------------------------

    _application = ""

    async def _leave_old(self) -> None:
        """One session at a time on a connection."""
        if self.session is not None:
            if self.session.is_activated():
                raise ServiceError(ua.StatusCodes.BadTooManySessions)
            await self.session.close_session(True)

    def _check_create(self, params: ua.CreateSessionParameters) -> None:
        certificate = self.certificate
        if certificate is None or not (params.ClientCertificate or b"").startswith(certificate):
            self._owner.refused("certificate_broken")
            raise ServiceError(ua.StatusCodes.BadCertificateInvalid)
        uri = params.ClientDescription.ApplicationUri
        if not uri or uri not in _application_uris(certificate):
            self._owner.refused("certificate_uri")
            raise ServiceError(ua.StatusCodes.BadCertificateUriInvalid)
        self._application = str(params.ClientDescription.ApplicationName.Text or uri)[:100]

    async def _sign_in(self, params: ua.ActivateSessionParameters) -> None:
        session = self.session
        if session is None:
            raise ServiceError(ua.StatusCodes.BadSessionIdInvalid)
        token = params.UserIdentityToken
        if isinstance(token, ua.ExtensionObject) and token.TypeId == ua.NodeId(_I.Null):
            token = ua.AnonymousIdentityToken()
        if isinstance(token, ua.AnonymousIdentityToken):
            if ua.AnonymousIdentityToken not in self.iserver.supported_tokens:
                self._owner.refused("anonymous")
                raise ServiceError(ua.StatusCodes.BadIdentityTokenRejected)
            session.principal = Principal("anonymous")
            return
        if not isinstance(token, ua.UserNameIdentityToken):
            self._owner.refused("login")
            raise ServiceError(ua.StatusCodes.BadIdentityTokenRejected)
        name, password = self._name_and_password(session, token)
        principal = await self._owner.sign_in(name, password)
        if principal is None:
            session.principal = None
            raise ServiceError(ua.StatusCodes.BadUserAccessDenied)
        session.principal = principal

    def _name_and_password(self, session: Session, token: ua.UserNameIdentityToken) -> tuple[str, str]:
        try:
            if token.EncryptionAlgorithm and token.EncryptionAlgorithm.endswith("rsa-1_5"):
                raise ValueError("an encryption that is not safe")
            name, password = self.iserver.decrypt_user_token(session, token)
            name, password = str(name or ""), str(password or "")
        except Exception as exc:
            self._owner.refused("login")
            raise ServiceError(ua.StatusCodes.BadIdentityTokenInvalid) from exc
        if not 0 < len(name) <= LONGEST_NAME or len(password) > LONGEST_PASSWORD:
            self._owner.refused("login")
            raise ServiceError(ua.StatusCodes.BadUserAccessDenied)
        return name, password

    def get_publish_request(self, subscription_id: int) -> Any:
        """None while the client takes none of its answers: its values wait where their number is bounded."""
        if not self._owner.takes_answers:
            self._publish_results_subs[subscription_id] = True
            return None
        return super().get_publish_request(subscription_id)

    def publish_request_limit(self, subscription_count: int) -> int:
        """How many may wait for something to be said."""
        return min(subscription_count + 10, self._bounds.subscriptions)

    def _should_close_session_on_transport_loss(self) -> bool:
        """Nothing is kept for clients that are gone: what they missed is in the history."""
        return self.session is not None


def _application_uris(certificate: bytes) -> list[str]:
    try:
        names = x509.load_der_x509_certificate(certificate).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, x509.ExtensionNotFound):
        return []
    return list(names.get_values_for_type(x509.UniformResourceIdentifier))

