namespace Sterna
{
    /// <summary>A client's figures. Counters begin with the client and go on across connections.</summary>
    public struct SternaStats
    {
        /// <summary>Round trip to the node, smoothed, in microseconds; 0 while unknown.</summary>
        public ulong RttUs { get; private set; }
        /// <summary>The shortest round trip of this connection, in microseconds; 0 while unknown.</summary>
        public ulong RttMinUs { get; private set; }
        /// <summary>Bytes sent, with the protocol's own, without TLS, TCP or UDP.</summary>
        public ulong BytesSent { get; private set; }
        /// <summary>Bytes received, counted likewise.</summary>
        public ulong BytesReceived { get; private set; }
        /// <summary>Messages and requests that the game sent.</summary>
        public ulong MessagesSent { get; private set; }
        /// <summary>Messages and replies that came for the game.</summary>
        public ulong MessagesReceived { get; private set; }
        /// <summary>Moves to another node that succeeded.</summary>
        public ulong Moves { get; private set; }
        /// <summary>Moves that failed; play went on where it was.</summary>
        public ulong MovesFailed { get; private set; }
        /// <summary>Links that broke and were restored.</summary>
        public ulong Reconnects { get; private set; }
        /// <summary>What the last move added to the time between two messages, in microseconds.</summary>
        public ulong LastMoveGapUs { get; private set; }
        /// <summary>Bytes that wait to be sent or acknowledged.</summary>
        public ulong SendQueueBytes { get; private set; }
        /// <summary>Bytes of events that wait for <see cref="SternaClient.Update"/>.</summary>
        public ulong EventQueueBytes { get; private set; }
        /// <summary>How often the session has changed its owner; 0 before the first connection.</summary>
        public ulong Epoch { get; private set; }

        internal SternaStats(NativeStats native) : this()
        {
            RttUs = native.rtt_us;
            RttMinUs = native.rtt_min_us;
            BytesSent = native.bytes_sent;
            BytesReceived = native.bytes_received;
            MessagesSent = native.messages_sent;
            MessagesReceived = native.messages_received;
            Moves = native.moves;
            MovesFailed = native.moves_failed;
            Reconnects = native.reconnects;
            LastMoveGapUs = native.last_move_gap_us;
            SendQueueBytes = native.send_queue_bytes;
            EventQueueBytes = native.event_queue_bytes;
            Epoch = native.epoch;
        }
    }
}
