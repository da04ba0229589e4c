using System.Threading;
using System.Threading.Tasks;
using UnityEngine;

namespace Sterna
{
    /// <summary>
    /// A client in a scene: updates it every frame, before other scripts, and ends it with the object. The inspector
    /// shows how it does.
    /// </summary>
    /// <remarks>Scripts subscribe to the events of <see cref="Client"/> in Awake or OnEnable, then connect.</remarks>
    [AddComponentMenu("Network/Sterna Client")]
    [DisallowMultipleComponent]
    [DefaultExecutionOrder(-1000)]
    public class SternaBehaviour : MonoBehaviour
    {
        [SerializeField]
        [Tooltip("TCP with TLS, or QUIC over UDP with unreliable messages.")]
        private SternaTransport transport = SternaTransport.Tcp;

        [SerializeField]
        [Tooltip("Seamless: the next node is attached before the present one is left.")]
        private SternaMoveMode moveMode = SternaMoveMode.Seamless;

        [SerializeField]
        [Tooltip("What of the library's log goes to the console.")]
        private SternaLogLevel logLevel = SternaLogLevel.Warn;

        [SerializeField]
        [Tooltip("Answers when a node goes offline, at once. Switch it off to choose the moment: Client.SendMigrate().")]
        private bool migrateAtOnce = true;

        [SerializeField]
        [Tooltip("Keeps the object, and the session, when another scene is loaded.")]
        private bool surviveSceneChanges = true;

        [Header("A bad network, to try the game under; holds for the next client")]
        [SerializeField]
        [Range(0, 1000)]
        [Tooltip("Milliseconds added to every packet, each way.")]
        private int delayMs;

        [SerializeField]
        [Range(0, 500)]
        [Tooltip("Up to so many milliseconds more, at random.")]
        private int jitterMs;

        [SerializeField]
        [Range(0, 50)]
        [Tooltip("Out of 100 packets, how many are lost.")]
        private int lossPercent;

        private SternaClient client;
        private bool ended;

        /// <summary>
        /// The client, made when it is first asked for. After a reload of the scripts while playing it is a new one,
        /// which is not connected. When the object is destroyed it is disposed, and stays the same: scripts that go
        /// later may still unsubscribe.
        /// </summary>
        /// <exception cref="SternaException">The native library is missing or does not fit.</exception>
        public SternaClient Client
        {
            get { return client ?? (client = Create()); }
        }

        /// <summary>Whether there is a client already, and still.</summary>
        public bool HasClient
        {
            get { return client != null && !ended; }
        }

        /// <summary>The simulated network of the next client.</summary>
        public void SetSimulator(int delay, int jitter, int loss)
        {
            delayMs = delay;
            jitterMs = jitter;
            lossPercent = loss;
        }

        /// <summary>Connects, with a token from the game's backend; see <see cref="SternaClient.ConnectAsync"/>.</summary>
        public Task<ConnectedArgs> ConnectAsync(string token,
            CancellationToken cancellation = default(CancellationToken))
        {
            return Client.ConnectAsync(token, cancellation);
        }

        private SternaClient Create()
        {
            var made = new SternaClient(new SternaConfig
            {
                Transport = transport,
                MoveMode = moveMode,
                LogLevel = logLevel,
                SimulatorDelayMs = (uint)delayMs,
                SimulatorJitterMs = (uint)jitterMs,
                SimulatorLossPercent = (uint)lossPercent,
            });
            made.OnLog += Log;
            made.OnOffline += AnswerOffline;
            if (ended)
            {
                made.Dispose();
            }
            return made;
        }

        private void Awake()
        {
            if (surviveSceneChanges)
            {
                DontDestroyOnLoad(gameObject);
            }
        }

        private void Update()
        {
            if (HasClient)
            {
                client.Update(); // an exception of a handler is Unity's to log
            }
        }

        private void OnDestroy()
        {
            End();
        }

        private void OnApplicationQuit()
        {
            End();
        }

        private void End()
        {
            ended = true;
            if (client != null)
            {
                client.Dispose();
            }
        }

        private void AnswerOffline(OfflineArgs args)
        {
            // A room moves as a whole: its owner asks for it, or the server does it in time.
            if (!migrateAtOnce)
            {
                return;
            }
            if (!args.InRoom)
            {
                client.SendMigrate();
            }
            else if (client.Room.IsOwner)
            {
                client.Room.MigrateAsync().ContinueWith(
                    moving => Debug.LogWarning("Sterna: the room stays for now: " + moving.Exception.InnerException.Message),
                    TaskContinuationOptions.OnlyOnFaulted | TaskContinuationOptions.ExecuteSynchronously);
            }
        }

        private void Log(LogArgs line)
        {
            string text = "Sterna: " + line.Text;
            if (line.Level == SternaLogLevel.Error)
            {
                Debug.LogError(text, this);
            }
            else if (line.Level == SternaLogLevel.Warn)
            {
                Debug.LogWarning(text, this);
            }
            else
            {
                Debug.Log(text, this);
            }
        }
    }
}
