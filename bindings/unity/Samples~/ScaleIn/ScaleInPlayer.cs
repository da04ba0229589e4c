using System;
using System.Threading;
using UnityEngine;

namespace Sterna.Samples
{
    /// <summary>
    /// A player who joins any room, tells the others a number every so many frames, and goes on when the node goes away.
    /// </summary>
    [RequireComponent(typeof(SternaBehaviour))]
    public class ScaleInPlayer : MonoBehaviour
    {
        private const byte Ver = 2;
        private const ushort Number = 1;
        private const int FramesBetween = 30;

        [SerializeField]
        [Tooltip("From the game's backend. Empty: the inspector's button connects, to a server on this machine.")]
        private string token = string.Empty;

        [SerializeField]
        [Tooltip("Empty: the one of this object.")]
        private SternaBehaviour sterna;

        private readonly byte[] message = new byte[4];
        private readonly CancellationTokenSource destroyed = new CancellationTokenSource();
        private int frame;
        private uint sent;

        /// <summary>How many numbers were heard, of oneself as well.</summary>
        public int Heard { get; private set; }

        private void Awake()
        {
            if (sterna == null)
            {
                sterna = GetComponent<SternaBehaviour>();
            }
        }

        private void Start()
        {
            SternaClient client = sterna.Client;
            client.OnConnected += OnConnected;
            client.OnDisconnected += ended => Debug.Log("the session is over: " + ended.Reason);
            client.OnOffline += offline => Debug.Log("the node goes offline in " + offline.DeadlineMs + " ms");
            client.OnMigrated += migrated => Debug.Log("play goes on at " + migrated.Node);
            client.Room.OnRoomMemberJoined += joined => Debug.Log(joined.User + " has joined");
            client.Room.OnRoomMemberLeft += left => Debug.Log(left.User + " is gone");
            client.Room.OnRoomMessage += OnRoomMessage;
            if (token.Length > 0 && client.Connect(token) != SternaResult.Ok)
            {
                Debug.LogError(client.LastError);
            }
        }

        private async void OnConnected(ConnectedArgs args)
        {
            Debug.Log("connected to " + args.Node);
            try
            {
                ulong room = await sterna.Client.Room.JoinRandomAsync(null, new SternaRoomConfig(), destroyed.Token);
                Debug.Log("in room " + room.ToString("x16"));
            }
            catch (SternaException error)
            {
                Debug.LogError("no room: " + error.Message);
            }
            catch (OperationCanceledException)
            {
                // the scene is over
            }
        }

        private void Update()
        {
            if (sterna.Client.Room.Id == 0 || ++frame % FramesBetween != 0)
            {
                return;
            }
            // The same bytes again and again: what is sent is copied.
            message[0] = (byte)sent;
            message[1] = (byte)(sent >> 8);
            message[2] = (byte)(sent >> 16);
            message[3] = (byte)(sent >> 24);
            if (sterna.Client.Room.Broadcast(Ver, Number, message) == SternaResult.Ok)
            {
                sent++;
            }
        }

        private void OnRoomMessage(RoomMessageArgs said)
        {
            Heard++;
        }

        private void OnDestroy()
        {
            destroyed.Cancel();
        }
    }
}
