using System;

namespace Sterna
{
    // What the On... events are told. A payload is a piece of a buffer that is used again: it is valid until the
    // handler returns, and what is to be kept must be copied.

    /// <summary>The session has begun.</summary>
    public readonly struct ConnectedArgs
    {
        /// <summary>For the game's logs.</summary>
        public readonly ulong SessionId;
        /// <summary>The name of the node that serves.</summary>
        public readonly string Node;

        internal ConnectedArgs(ulong sessionId, string node)
        {
            SessionId = sessionId;
            Node = node;
        }
    }

    /// <summary>Something failed or ended.</summary>
    public readonly struct EndedArgs
    {
        /// <summary>What was wrong; <see cref="SternaResult.Ok"/> if the game asked for it.</summary>
        public readonly SternaResult Status;
        /// <summary>What there is to say about it.</summary>
        public readonly string Reason;

        internal EndedArgs(SternaResult status, string reason)
        {
            Status = status;
            Reason = reason;
        }
    }

    /// <summary>The link is restored.</summary>
    public readonly struct ReconnectedArgs
    {
        /// <summary>How often the session has changed its owner.</summary>
        public readonly ulong Epoch;
        /// <summary>The name of the node that serves.</summary>
        public readonly string Node;

        internal ReconnectedArgs(ulong epoch, string node)
        {
            Epoch = epoch;
            Node = node;
        }
    }

    /// <summary>The node goes offline.</summary>
    public readonly struct OfflineArgs
    {
        /// <summary>How often the session has changed its owner.</summary>
        public readonly ulong Epoch;
        /// <summary>Milliseconds until the session is moved without asking.</summary>
        public readonly ulong DeadlineMs;
        /// <summary>Why it does.</summary>
        public readonly SternaOfflineReason Reason;
        /// <summary>Whether the user is in a room, which moves as a whole: then no answer is needed.</summary>
        public readonly bool InRoom;

        internal OfflineArgs(ulong epoch, ulong deadlineMs, SternaOfflineReason reason, bool inRoom)
        {
            Epoch = epoch;
            DeadlineMs = deadlineMs;
            Reason = reason;
            InRoom = inRoom;
        }
    }

    /// <summary>Another node is prepared.</summary>
    public readonly struct MigratingArgs
    {
        /// <summary>How often the session has changed its owner.</summary>
        public readonly ulong Epoch;

        internal MigratingArgs(ulong epoch)
        {
            Epoch = epoch;
        }
    }

    /// <summary>Another node serves the session now.</summary>
    public readonly struct MigratedArgs
    {
        /// <summary>How often the session has changed its owner.</summary>
        public readonly ulong Epoch;
        /// <summary>Microseconds between the last message from the old node and the first from the new one.</summary>
        public readonly ulong GapUs;
        /// <summary>The name of the node that serves.</summary>
        public readonly string Node;

        internal MigratedArgs(ulong epoch, ulong gapUs, string node)
        {
            Epoch = epoch;
            GapUs = gapUs;
            Node = node;
        }
    }

    /// <summary>The node crashed, and another one went on from a snapshot.</summary>
    public readonly struct TookOverArgs
    {
        /// <summary>How often the session has changed its owner.</summary>
        public readonly ulong Epoch;
        /// <summary>First message to the server that is gone ...</summary>
        public readonly ulong LostFrom;
        /// <summary>... and the first that is not gone any more; equal if none is.</summary>
        public readonly ulong LostTo;
        /// <summary>The name of the node that serves.</summary>
        public readonly string Node;

        internal TookOverArgs(ulong epoch, ulong lostFrom, ulong lostTo, string node)
        {
            Epoch = epoch;
            LostFrom = lostFrom;
            LostTo = lostTo;
            Node = node;
        }
    }

    /// <summary>A request was answered, or will not be.</summary>
    public readonly struct ResponseArgs
    {
        /// <summary>The number that <see cref="SternaClient.Request"/> gave.</summary>
        public readonly ulong RequestId;
        /// <summary>How it ended.</summary>
        public readonly SternaResult Status;
        /// <summary>The application's version of the message format.</summary>
        public readonly byte Ver;
        /// <summary>The application's command.</summary>
        public readonly ushort Cmd;
        /// <summary>The answer; valid until the handler returns.</summary>
        public readonly ArraySegment<byte> Payload;

        internal ResponseArgs(ulong requestId, SternaResult status, byte ver, ushort cmd, ArraySegment<byte> payload)
        {
            RequestId = requestId;
            Status = status;
            Ver = ver;
            Cmd = cmd;
            Payload = payload;
        }
    }

    /// <summary>The server sent a message.</summary>
    public readonly struct PushArgs
    {
        /// <summary>The application's version of the message format.</summary>
        public readonly byte Ver;
        /// <summary>The application's command.</summary>
        public readonly ushort Cmd;
        /// <summary>Whether it came reliably.</summary>
        public readonly bool Reliable;
        /// <summary>The message; valid until the handler returns.</summary>
        public readonly ArraySegment<byte> Payload;

        internal PushArgs(byte ver, ushort cmd, bool reliable, ArraySegment<byte> payload)
        {
            Ver = ver;
            Cmd = cmd;
            Reliable = reliable;
            Payload = payload;
        }
    }

    /// <summary>The library has something to say.</summary>
    public readonly struct LogArgs
    {
        /// <summary>How important it is.</summary>
        public readonly SternaLogLevel Level;
        /// <summary>The line.</summary>
        public readonly string Text;

        internal LogArgs(SternaLogLevel level, string text)
        {
            Level = level;
            Text = text;
        }
    }

    /// <summary>The answer to a request that was awaited. It is the game's own, and may be kept.</summary>
    public sealed class SternaResponse
    {
        /// <summary>The application's version of the message format.</summary>
        public byte Ver { get; private set; }
        /// <summary>The application's command.</summary>
        public ushort Cmd { get; private set; }
        /// <summary>The answer.</summary>
        public byte[] Payload { get; private set; }

        internal SternaResponse(byte ver, ushort cmd, byte[] payload)
        {
            Ver = ver;
            Cmd = cmd;
            Payload = payload;
        }
    }
}
