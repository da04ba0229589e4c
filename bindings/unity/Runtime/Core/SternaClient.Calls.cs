using System;

namespace Sterna
{
    // What returns at once. Refusals are results, not exceptions: they are part of play.
    public sealed unsafe partial class SternaClient
    {
        /// <summary>Begins to connect, with a token from the game's backend; OnConnected or OnConnectFailed follows.
        /// </summary>
        public SternaResult Connect(string token)
        {
            lock (gate)
            {
                using (var scope = new NativeScope())
                {
                    SternaResult result = NativeMethods.sterna_client_connect(Native, scope.Text(token));
                    hasSession |= result == SternaResult.Ok;
                    return result;
                }
            }
        }

        /// <summary>Ends the session; OnDisconnected follows.</summary>
        public SternaResult Disconnect()
        {
            return NativeMethods.sterna_client_disconnect(Native);
        }

        /// <summary>
        /// Agrees to be moved to another node: the answer to OnOffline, in it or later. OnMigrated or OnMigrateFailed
        /// follows.
        /// </summary>
        public SternaResult SendMigrate()
        {
            return NativeMethods.sterna_client_send_migrate(Native);
        }

        /// <summary>Sends what is queued at once, without waiting for the next update.</summary>
        public SternaResult Flush()
        {
            return NativeMethods.sterna_client_flush(Native);
        }

        /// <summary>
        /// Sends a message: unreliably over UDP, reliably over TCP. <paramref name="ver"/> is 2 or above. The payload
        /// is copied.
        /// </summary>
        public SternaResult Send(byte ver, ushort cmd, byte[] payload)
        {
            fixed (byte* bytes = payload)
            {
                return Send(ver, cmd, bytes, payload == null ? 0 : payload.Length);
            }
        }

        /// <summary>The same, with a piece of an array.</summary>
        public SternaResult Send(byte ver, ushort cmd, ArraySegment<byte> payload)
        {
            fixed (byte* bytes = payload.Array)
            {
                return Send(ver, cmd, bytes + payload.Offset, payload.Count);
            }
        }

        /// <summary>The same, with memory of any kind.</summary>
        public SternaResult Send(byte ver, ushort cmd, byte* payload, int length)
        {
            return length < 0
                ? SternaResult.InvalidArgument
                : NativeMethods.sterna_client_send(Native, ver, cmd, payload, (uint)length);
        }

        /// <summary>Sends a message reliably: exactly once and in order, across moves and broken links.</summary>
        public SternaResult RSend(byte ver, ushort cmd, byte[] payload)
        {
            fixed (byte* bytes = payload)
            {
                return RSend(ver, cmd, bytes, payload == null ? 0 : payload.Length);
            }
        }

        /// <summary>The same, with a piece of an array.</summary>
        public SternaResult RSend(byte ver, ushort cmd, ArraySegment<byte> payload)
        {
            fixed (byte* bytes = payload.Array)
            {
                return RSend(ver, cmd, bytes + payload.Offset, payload.Count);
            }
        }

        /// <summary>The same, with memory of any kind.</summary>
        public SternaResult RSend(byte ver, ushort cmd, byte* payload, int length)
        {
            return length < 0
                ? SternaResult.InvalidArgument
                : NativeMethods.sterna_client_rsend(Native, ver, cmd, payload, (uint)length);
        }

        /// <summary>
        /// Sends a message that is answered by one OnResponse with the number <paramref name="requestId"/>, at the
        /// latest after <paramref name="timeoutMs"/>; 0 stands for the configuration's value. Costs no garbage, unlike
        /// <see cref="RequestAsync"/>.
        /// </summary>
        public SternaResult Request(byte ver, ushort cmd, ArraySegment<byte> payload, out ulong requestId,
            uint timeoutMs = 0)
        {
            ulong number = 0;
            SternaResult result;
            fixed (byte* bytes = payload.Array)
            {
                result = NativeMethods.sterna_client_request(
                    Native, ver, cmd, bytes + payload.Offset, (uint)payload.Count, timeoutMs, &number);
            }
            requestId = number;
            return result;
        }
    }
}
